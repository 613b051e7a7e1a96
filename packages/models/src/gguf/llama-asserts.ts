import { invalidGguf } from './invalid-gguf.ts';
import { Fields, MAX_LAYERS } from './layers.ts';
import type { Tensor } from './tensors.ts';
import type { Metadata, MetadataValue } from './values.ts';

/** llama.cpp has no room for more (LLAMA_MAX_EXPERTS). */
const MAX_EXPERTS = 1024;
/** Where the data begins, whatever the file's own alignment (TENSOR_ALIGNMENT of ggml-impl.h). */
const MEMORY_ALIGNMENT_BYTES = 32;
/** Of brackets in a chat template, those in its texts included: llama.cpp's reader of templates calls itself for each. */
const MAX_TEMPLATE_DEPTH = 1000;
/** Names of no tokenizer at all: such a model can neither be asked nor understood. */
const NO_VOCABULARY = ['none', 'no_vocab'];
const ROPE_SCALINGS = ['none', 'linear', 'yarn', 'longrope'];
/** All that a division by the root of a mean square is kept from 0 with. */
const EPSILONS = ['layer_norm_epsilon', 'layer_norm_rms_epsilon', 'group_norm_epsilon'];
/** Stored only while llama.cpp computes: no file has a model's weights so, and it computes nothing with them. */
const TYPES_OF_NO_WEIGHTS = ['Q8_1', 'Q8_K', 'I8', 'I16', 'F64'];

/**
 * Refuses what ends llama.cpp's process where other errors are told (`GGML_ASSERT` in `load_hparams` of llama-model.cpp
 * and in what it computes with). Says nothing of files without an architecture: the later parts of a model have none.
 */
export function checkLlamaAsserts(metadata: Metadata, tensors: readonly Tensor[], dataOffset: number): void {
  const odd = tensors.find(({ type }) => TYPES_OF_NO_WEIGHTS.includes(type));
  if (odd !== undefined) throw invalidGguf(`a tensor is stored as ${odd.type}, which no weights are`);
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
  if (typeof ahead === 'number' && ahead > layers) throw invalidGguf('more layers look ahead than it has');
}

function checkExperts(fields: Fields, architecture: string): void {
  const experts = fields.count('expert_count') ?? 0;
  const used = fields.largest('expert_used_count', MAX_LAYERS);
  const groups = fields.count('expert_group_count') ?? 0;
  const usedGroups = fields.count('expert_group_used_count') ?? 0;
  // One expert is none to these.
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
    throw invalidGguf(`its positions are scaled in a way that is none of ${ROPE_SCALINGS.join(', ')}`);
  }
}
