import { invalidGguf } from './invalid-gguf.ts';
import { Fields, MAX_LAYERS } from './layers.ts';
import type { Tensor } from './tensors.ts';
import type { Metadata, MetadataValue } from './values.ts';

/** llama.cpp's limit (LLAMA_MAX_EXPERTS). */
const MAX_EXPERTS = 1024;
/** Alignment of the tensors' data, independent of the file's own alignment (TENSOR_ALIGNMENT of ggml-impl.h). */
const MEMORY_ALIGNMENT_BYTES = 32;
/** Nested brackets in a chat template, including those in its strings. llama.cpp's template parser recurses for each. */
const MAX_TEMPLATE_DEPTH = 1000;
/** Tokenizer names of models without a vocabulary, which cannot generate text. */
const NO_VOCABULARY = ['none', 'no_vocab'];
const ROPE_SCALINGS = ['none', 'linear', 'yarn', 'longrope'];
/** Keys of the numbers that keep normalisation from dividing by 0. */
const EPSILONS = ['layer_norm_epsilon', 'layer_norm_rms_epsilon', 'group_norm_epsilon'];
/** Types of intermediate values, with which llama.cpp cannot compute as weights. */
const NON_WEIGHT_TYPES = ['Q8_1', 'Q8_K', 'I8', 'I16', 'F64'];

/**
 * Refuses headers that would fail an assertion and so end llama.cpp's process (`GGML_ASSERT` in `load_hparams` of
 * llama-model.cpp and in the computation). Skips most checks for the later parts of a model, which have no architecture.
 */
export function checkLlamaAsserts(metadata: Metadata, tensors: readonly Tensor[], dataOffset: number): void {
  const odd = tensors.find(({ type }) => NON_WEIGHT_TYPES.includes(type));
  if (odd !== undefined) throw invalidGguf(`a tensor has the type ${odd.type}, which is not for weights`);
  if (tensors.length > 0 && dataOffset % MEMORY_ALIGNMENT_BYTES !== 0) {
    throw invalidGguf(`its tensors do not begin at a multiple of ${MEMORY_ALIGNMENT_BYTES} bytes`);
  }
  const tokenizer = metadata.get('tokenizer.ggml.model');
  if (typeof tokenizer === 'string' && NO_VOCABULARY.includes(tokenizer)) throw invalidGguf('it has no vocabulary');
  checkTemplate(metadata.get('tokenizer.chat_template'));
  const architecture = metadata.get('general.architecture');
  if (typeof architecture !== 'string') return;
  checkLayers(metadata, architecture);
  checkExperts(new Fields(metadata, architecture), architecture);
  checkFractions(metadata, architecture);
}

function checkTemplate(template: MetadataValue | undefined): void {
  if (typeof template !== 'string') return;
  let depth = 0;
  for (const [bracket] of template.matchAll(/[([{}\])]/g)) {
    depth = '([{'.includes(bracket) ? depth + 1 : Math.max(0, depth - 1);
    if (depth > MAX_TEMPLATE_DEPTH) throw invalidGguf(`its chat template nests more than ${MAX_TEMPLATE_DEPTH} deep`);
  }
}

function checkLayers(metadata: Metadata, architecture: string): void {
  const layers = metadata.get(`${architecture}.block_count`);
  if (typeof layers !== 'number') return;
  if (layers < 1 || layers > MAX_LAYERS) throw invalidGguf(`it claims ${layers} layers`);
  const ahead = metadata.get(`${architecture}.nextn_predict_layers`);
  if (typeof ahead === 'number' && ahead > layers) throw invalidGguf('more of its layers look ahead than it has');
}

function checkExperts(fields: Fields, architecture: string): void {
  const experts = fields.count('expert_count') ?? 0;
  const used = fields.largest('expert_used_count', MAX_LAYERS);
  const groups = fields.count('expert_group_count') ?? 0;
  const usedGroups = fields.count('expert_group_used_count') ?? 0;
  // These architectures treat one expert as none.
  if (experts <= 1 && architecture.startsWith('hunyuan')) return;
  const isUsable =
    experts === 0
      ? used === 0 && groups === 0
      : experts <= MAX_EXPERTS && used > 0 && used <= experts && groups < experts;
  const areGroupsUsable = groups <= 1 || (experts % groups === 0 && usedGroups > 0 && usedGroups < groups);
  if (!isUsable || !areGroupsUsable) {
    throw invalidGguf(`it claims ${experts} experts in ${groups} groups, of which ${used} and ${usedGroups} are used`);
  }
}

function checkFractions(metadata: Metadata, architecture: string): void {
  for (const key of EPSILONS) {
    const epsilon = metadata.get(`${architecture}.attention.${key}`);
    if (typeof epsilon === 'number' && !(epsilon >= 0 && epsilon < Infinity)) {
      throw invalidGguf(`its ${key} is ${epsilon}`);
    }
  }
  const scaling = metadata.get(`${architecture}.rope.scaling.type`);
  if (typeof scaling === 'string' && !ROPE_SCALINGS.includes(scaling)) {
    throw invalidGguf(`its position scaling is not one of ${ROPE_SCALINGS.join(', ')}`);
  }
}
