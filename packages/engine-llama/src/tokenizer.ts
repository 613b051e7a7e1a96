import { createChatTemplate } from '@shoal/chat';
import { promptInput } from '@shoal/protocol/request';
import { cannotLoad, checkModelFile } from '@shoal/engine/model-files/model-file';
import { jinjaCompiler } from './jinja.ts';
import { templateOf } from './model.ts';
import { installedBinaries } from './native/binaries.ts';
import { openLibrary } from './native/library.ts';
import { NativeModel } from './native/model.ts';
import { encodeRequest } from './prompt.ts';
import { TokenText } from './token-text.ts';

/** A model's vocabulary without its weights, for requests that send token ids to another machine. */
export interface Tokenizer {
  /** Returns the ids of a chat of one user message. Throws `INVALID_REQUEST` if the model has no chat template. */
  prompt(text: string): readonly number[];
  /** Returns the text of ids. Unknown ids are skipped. */
  text(ids: readonly number[]): string;
  close(): Promise<void>;
}

/**
 * Loads the vocabulary of a GGUF file in this process, which a hostile file can crash: only for trusted files. Throws a
 * `ShoalError` for the file's owner.
 */
export async function createTokenizer(modelPath: string): Promise<Tokenizer> {
  await checkModelFile({ modelPath });
  const binaries = installedBinaries();
  const library = openLibrary(binaries, { isQuiet: true });
  const model = NativeModel.load(library, { path: modelPath, gpuLayers: 0, vocabularyOnly: true });
  if (model === undefined) throw cannotLoad(modelPath, 'llama.cpp refused it.');
  const { vocabulary } = model;
  const source = templateOf(model);
  const template =
    source === undefined ? undefined : createChatTemplate(source.text, jinjaCompiler(binaries.addon), source.tokens);
  return {
    prompt: (text) => {
      const rendered = template?.render({ messages: [{ role: 'user', content: text }] });
      return encodeRequest(vocabulary, { input: promptInput(text), sampling: {}, stop: [], rendered }).prompt;
    },
    text: (ids) => {
      const text = new TokenText((token) => vocabulary.piece(token));
      // Another machine may send ids that do not exist.
      const known = ids.filter((id) => Number.isInteger(id) && id >= 0 && id < vocabulary.size);
      return [...known.map((id) => text.push(id)), text.end()].map((piece) => piece?.text ?? '').join('');
    },
    close: async () => model.free(),
  };
}
