import { promptInput } from '@shoal/protocol';
import { cannotLoad, checkModelFile } from '@shoal/engine/model-files/model-file';
import { installedBinaries } from './native/binaries.ts';
import { openLibrary } from './native/library.ts';
import { NativeModel } from './native/model.ts';
import { encodeRequest } from './prompt.ts';
import { createPromptEncoder } from './prompt-encoder.ts';
import { TokenText } from './token-text.ts';

/** A model's words without its weights, for whoever has another machine run it on token ids. */
export interface Tokenizer {
  /** The ids of a chat of one user message. Throws `INVALID_REQUEST` where the model has no chat template. */
  prompt(text: string): readonly number[];
  /** The text of ids. */
  text(ids: readonly number[]): string;
  close(): Promise<void>;
}

/**
 * Reads the vocabulary of a GGUF file, in this process: for files of one's own. Throws what is wrong with the file, in words
 * for its owner.
 */
export async function createTokenizer(modelPath: string): Promise<Tokenizer> {
  await checkModelFile(modelPath);
  const binaries = installedBinaries();
  const library = openLibrary(binaries, { isQuiet: true });
  const model = NativeModel.load(library, { path: modelPath, gpuLayers: 0, vocabularyOnly: true });
  if (model === undefined) throw cannotLoad(modelPath, 'llama.cpp refused it.');
  const encoder = createPromptEncoder(binaries, model, (work) => work());
  const { vocabulary } = encoder;
  return {
    prompt: (text) => encodeRequest(encoder, { input: promptInput(text), sampling: {}, stop: [] }).prompt,
    text: (ids) => {
      const text = new TokenText((token) => vocabulary.piece(token));
      // Another machine may say ids that there are not.
      const known = ids.filter((id) => Number.isInteger(id) && id >= 0 && id < vocabulary.size);
      return [...known.map((id) => text.push(id)), text.end()].map((piece) => piece?.text ?? '').join('');
    },
    close: async () => model.free(),
  };
}
