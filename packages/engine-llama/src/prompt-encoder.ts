import { createChatTemplate, templateWithTimeLimit } from '@shoal/chat';
import { jinjaCompiler, type Watchdog } from './jinja.ts';
import type { Binaries } from './native/binaries.ts';
import type { NativeModel } from './native/model.ts';
import type { PromptEncoder } from './prompt.ts';

/** Creates the encoder of a model's vocabulary and chat template. Throws if the template is not valid Jinja. */
export function createPromptEncoder(
  { addon }: Binaries,
  { vocabulary, chatTemplate }: NativeModel,
  watch: Watchdog,
): PromptEncoder {
  if (chatTemplate === undefined) return { vocabulary };
  const { addsBos, addsEos } = vocabulary;
  const tokens = {
    bos: vocabulary.controlText(vocabulary.bos),
    eos: vocabulary.controlText(vocabulary.eos),
    addsBos,
    addsEos,
  };
  return {
    vocabulary,
    template: templateWithTimeLimit(createChatTemplate(chatTemplate, jinjaCompiler(addon, watch), tokens)),
  };
}
