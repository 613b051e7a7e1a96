import { promptInput } from '@shoal/protocol';
import type { Token } from 'node-llama-cpp';
import { importLibrary, readVocabulary, type Vocabulary } from './model.ts';
import { cannotLoad, checkModelFile } from './model-file.ts';
import { tokenizeInput } from './prompt.ts';

/** A model's words without its weights, for whoever has another machine run it on token ids. */
export interface Tokenizer {
  /** The ids of a chat of one user message. Throws `INVALID_REQUEST` where the model has no chat template. */
  prompt(text: string): number[];
  /** The text of ids that stand behind others. */
  text(ids: readonly number[], before: readonly number[]): string;
  close(): Promise<void>;
}

/**
 * Reads the vocabulary of a GGUF file, in this process: for files of one's own. Throws what is wrong with the file, in words
 * for its owner.
 */
export async function createTokenizer(modelPath: string): Promise<Tokenizer> {
  await checkModelFile(modelPath);
  const { getLlama, LlamaLogLevel } = await importLibrary();
  const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: LlamaLogLevel.disabled });
  const model = await llama.loadModel({ modelPath, vocabOnly: true }).catch(async (error: unknown) => {
    await llama.dispose();
    throw cannotLoad(modelPath, error instanceof Error ? error.message : String(error), error);
  });
  const vocabulary = await readVocabulary(model);
  return {
    prompt: (text) => tokenizeInput(vocabulary, promptInput(text)),
    text: (ids, before) => vocabulary.detokenize(known(vocabulary, ids), known(vocabulary, before)),
    close: () => llama.dispose(),
  };
}

/** Another machine may say ids that there are not. */
function known({ vocabularySize }: Vocabulary, ids: readonly number[]): Token[] {
  return ids.filter((id): id is Token => Number.isInteger(id) && id >= 0 && id < vocabularySize);
}
