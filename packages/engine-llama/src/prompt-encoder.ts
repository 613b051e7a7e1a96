import { createChatTemplate, templateWithTimeLimit } from '@shoal/chat';
import { jinjaCompiler, type Watch } from './jinja.ts';
import type { Binaries } from './native/binaries.ts';
import type { NativeModel } from './native/model.ts';
import type { PromptEncoder } from './prompt.ts';

/** The part of a model that knows its words. Throws where its chat template is no Jinja. */
export function createPromptEncoder(
  { addon }: Binaries,
  { vocabulary, chatTemplate }: NativeModel,
  watch: Watch,
): PromptEncoder {
  if (chatTemplate === undefined) return { vocabulary };
  const { addsBos, addsEos } = vocabulary;
  const tokens = { bos: vocabulary.spell(vocabulary.bos), eos: vocabulary.spell(vocabulary.eos), addsBos, addsEos };
  return {
    vocabulary,
    template: templateWithTimeLimit(createChatTemplate(chatTemplate, jinjaCompiler(addon, watch), tokens)),
  };
}
