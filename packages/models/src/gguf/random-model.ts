import { type MetadataValue, type Tensor, TENSOR_TYPES, writeGguf } from './writer.ts';

export type WeightType = 'q4_0' | 'q8_0' | 'f16';

/** The dimensions of a model of random weights. */
export interface Shape {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly context: number;
  readonly type: WeightType;
  readonly seed: number;
}

/** GGUF's `general.file_type`. */
const FILE_TYPES = { f16: 1, q4_0: 2, q8_0: 7 } as const;
const PIECE_BLOCKS = 32_768;
const CONTROL_TOKENS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];
const TOKEN_TYPE_NORMAL = 1;
const TOKEN_TYPE_CONTROL = 3;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** Writes a model that runs but generates nonsense. The vocabulary has at least the 256 bytes and the control tokens. */
export function writeRandomModel(path: string, shape: Shape): readonly Tensor[] {
  const tensors = describeTensors(shape);
  writeGguf(path, describeModel(shape), tensors);
  return tensors;
}

function describeModel(shape: Shape): Map<string, MetadataValue> {
  const vocabulary = describeVocabulary(shape.vocabulary);
  return new Map<string, MetadataValue>([
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['general.name', { type: 'string', value: 'Random weights' }],
    ['general.file_type', { type: 'u32', value: FILE_TYPES[shape.type] }],
    ['general.quantization_version', { type: 'u32', value: 2 }],
    ['llama.context_length', { type: 'u32', value: shape.context }],
    ['llama.embedding_length', { type: 'u32', value: shape.width }],
    ['llama.block_count', { type: 'u32', value: shape.layers }],
    ['llama.feed_forward_length', { type: 'u32', value: shape.feedForward }],
    ['llama.attention.head_count', { type: 'u32', value: shape.heads }],
    ['llama.attention.head_count_kv', { type: 'u32', value: shape.keyHeads }],
    ['llama.attention.layer_norm_rms_epsilon', { type: 'f32', value: 1e-5 }],
    ['llama.rope.dimension_count', { type: 'u32', value: shape.width / shape.heads }],
    ['llama.rope.freq_base', { type: 'f32', value: 10_000 }],
    ['llama.vocab_size', { type: 'u32', value: shape.vocabulary }],
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'gpt-2' }],
    ['tokenizer.ggml.tokens', { type: 'strings', value: vocabulary.tokens }],
    ['tokenizer.ggml.token_type', { type: 'integers', value: vocabulary.types }],
    ['tokenizer.ggml.merges', { type: 'strings', value: vocabulary.merges }],
    ['tokenizer.ggml.bos_token_id', { type: 'u32', value: vocabulary.tokens.indexOf('<|endoftext|>') }],
    ['tokenizer.ggml.eos_token_id', { type: 'u32', value: vocabulary.tokens.indexOf('<|im_end|>') }],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: false }],
    ['tokenizer.chat_template', { type: 'string', value: CHAT_TEMPLATE }],
  ]);
}

/** All bytes, pairs of letters with their merges, invented words up to the requested size, and the control tokens. */
function describeVocabulary(size: number): { tokens: string[]; types: number[]; merges: string[] } {
  const tokens = byteCharacters();
  const merges: string[] = [];
  const words = size - CONTROL_TOKENS.length;
  if (words < tokens.length) throw new RangeError(`--vocabulary ${size} does not hold the 256 bytes.`);
  for (const first of LETTERS) {
    for (const second of LETTERS) {
      if (tokens.length === words) break;
      tokens.push(first + second);
      merges.push(`${first} ${second}`);
    }
  }
  while (tokens.length < words) tokens.push(`Ġ${spell(tokens.length)}`);
  const types = tokens.map(() => TOKEN_TYPE_NORMAL);
  tokens.push(...CONTROL_TOKENS);
  types.push(...CONTROL_TOKENS.map(() => TOKEN_TYPE_CONTROL));
  return { tokens, types, merges };
}

/** GPT-2's printable characters for the 256 bytes (`bytes_to_unicode` of its encoder.py), in the order of its vocabulary. */
function byteCharacters(): string[] {
  const printable: number[] = [];
  for (let byte = 33; byte <= 126; byte++) printable.push(byte);
  for (let byte = 161; byte <= 255; byte++) if (byte !== 173) printable.push(byte);
  const others = 256 - printable.length;
  return [...printable, ...Array.from({ length: others }, (_, index) => 256 + index)].map((code) =>
    String.fromCodePoint(code),
  );
}

function spell(number: number): string {
  let word = '';
  for (let rest = number; rest > 0; rest = Math.floor(rest / 26)) word += LETTERS[rest % 26] ?? '';
  return word;
}

function describeTensors(shape: Shape): Tensor[] {
  const { width, feedForward, vocabulary } = shape;
  const keys = (width / shape.heads) * shape.keyHeads;
  const random = createRandom(shape.seed);
  const matrix = (name: string, inputs: number, outputs: number): Tensor => ({
    name: `${name}.weight`,
    type: shape.type,
    shape: [inputs, outputs],
    data: () => randomBlocks(shape.type, inputs, outputs, random),
  });
  const norm = (name: string): Tensor => ({
    name: `${name}.weight`,
    type: 'f32',
    shape: [width],
    data: () => [new Uint8Array(new Float32Array(width).fill(1).buffer)],
  });
  const layers = Array.from({ length: shape.layers }, (_, index) => `blk.${index}`).flatMap((layer) => [
    norm(`${layer}.attn_norm`),
    matrix(`${layer}.attn_q`, width, width),
    matrix(`${layer}.attn_k`, width, keys),
    matrix(`${layer}.attn_v`, width, keys),
    matrix(`${layer}.attn_output`, width, width),
    norm(`${layer}.ffn_norm`),
    matrix(`${layer}.ffn_gate`, width, feedForward),
    matrix(`${layer}.ffn_up`, width, feedForward),
    matrix(`${layer}.ffn_down`, feedForward, width),
  ]);
  return [matrix('token_embd', width, vocabulary), ...layers, norm('output_norm'), matrix('output', width, vocabulary)];
}

/** Uniform weights of variance about 1 / `inputs`, which keeps activations near 1 through every layer. */
function* randomBlocks(
  type: WeightType,
  inputs: number,
  outputs: number,
  random: (words: Uint32Array) => void,
): Iterable<Uint8Array> {
  const { blockBytes, blockWeights } = TENSOR_TYPES[type];
  const deviation = 1 / Math.sqrt(inputs);
  for (let left = (inputs * outputs) / blockWeights; left > 0; left -= PIECE_BLOCKS) {
    const blocks = Math.min(left, PIECE_BLOCKS);
    const words = new Uint32Array(Math.ceil((blocks * blockBytes) / 4));
    random(words);
    const piece = new DataView(words.buffer, 0, blocks * blockBytes);
    shapeBlocks(type, piece, deviation);
    yield new Uint8Array(piece.buffer, 0, piece.byteLength);
  }
}

/** Turns random bits into weights: a quantised block needs its scale, a half its exponent. */
function shapeBlocks(type: WeightType, piece: DataView, deviation: number): void {
  const { blockBytes } = TENSOR_TYPES[type];
  switch (type) {
    case 'f16': {
      const exponent = Math.max(1, 15 + Math.floor(Math.log2(deviation / 1.5))) << 10;
      for (let at = 0; at < piece.byteLength; at += blockBytes) {
        piece.setUint16(at, (piece.getUint16(at, true) & 0x83ff) | exponent, true);
      }
      return;
    }
    case 'q4_0': // 16 steps: a deviation of 4.6
      for (let at = 0; at < piece.byteLength; at += blockBytes) piece.setFloat16(at, deviation / 4.6, true);
      return;
    case 'q8_0': // 256 steps: a deviation of 73.9
      for (let at = 0; at < piece.byteLength; at += blockBytes) piece.setFloat16(at, deviation / 73.9, true);
  }
}

/** Fills with the numbers of Marsaglia's xorshift32. */
function createRandom(seed: number): (words: Uint32Array) => void {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (words) => {
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
  };
}
