import { ShoalError } from '@shoal/protocol';
import type { Digest } from '@shoal/files/digest';
import { QUANTISATIONS } from '../gguf/file-types.ts';
import { partFileNames, parsePart } from './split.ts';

/** Where people say nothing: a good answer for its size first, as Ollama and llama.cpp choose too. */
const PREFERRED = ['Q4_K_M', 'Q4_K_S', 'Q4_0', 'Q5_K_M', 'Q5_K_S', 'Q6_K', 'Q8_0', 'MXFP4_MOE', 'F16', 'BF16'];
/** Parts of a model that answer nothing by themselves. */
const NO_MODEL = /(?:^|\/)(?:mmproj|imatrix)|[-._](?:mmproj|imatrix)[-._]/i;
/** Of choices that an error names. */
const NAMED_CHOICES = 20;

/** A file of a repository. */
export interface RepositoryFile {
  readonly path: string;
  readonly bytes: number;
  readonly digest?: Digest | undefined;
}

/** One model of a repository: a file, or all parts in order. */
export interface ModelVariant {
  readonly quantisation?: string | undefined;
  readonly files: readonly [RepositoryFile, ...RepositoryFile[]];
}

/**
 * The model that is wanted: a quantisation, a file's path or name, or the one that suits most people. Throws
 * `MODEL_NOT_FOUND` that lists the choices, or says that there is no GGUF file.
 */
export function selectModel(
  files: readonly RepositoryFile[],
  repository: string,
  wanted: string | undefined,
): ModelVariant {
  const choices = choicesOf(files);
  const chosen = wanted === undefined ? mostSuitable(choices) : choices.find((choice) => isWanted(choice, wanted));
  if (chosen !== undefined) return chosen;
  const named = choices.map(({ quantisation, files: [{ path }] }) => quantisation ?? path).slice(0, NAMED_CHOICES);
  const more = choices.length > NAMED_CHOICES ? ` and ${choices.length - NAMED_CHOICES} more` : '';
  throw new ShoalError(
    'MODEL_NOT_FOUND',
    choices.length === 0
      ? `${repository} has no GGUF file. Look for a repository whose name ends with GGUF.`
      : `Choose a model of ${repository}: put one of these behind it, after a colon: ${named.join(', ')}${more}.`,
  );
}

/** Models whose parts are not all there are left out: they cannot be loaded. */
function choicesOf(files: readonly RepositoryFile[]): ModelVariant[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return files.flatMap((file) => {
    if (!/\.gguf$/i.test(file.path) || NO_MODEL.test(file.path)) return [];
    if ((parsePart(file.path)?.number ?? 1) !== 1) return [];
    const parts = partFileNames(file.path).flatMap((path) => byPath.get(path) ?? []);
    const [first, ...rest] = parts;
    if (first === undefined || parts.length !== partFileNames(file.path).length) return [];
    const quantisation = quantisationIn(file.path);
    return [{ files: [first, ...rest], ...(quantisation !== undefined && { quantisation }) }];
  });
}

function mostSuitable(choices: readonly ModelVariant[]): ModelVariant | undefined {
  for (const preferred of PREFERRED) {
    const choice = choices.find(({ quantisation }) => quantisation === preferred);
    if (choice !== undefined) return choice;
  }
  return choices.length === 1 ? choices[0] : undefined;
}

function isWanted({ files, quantisation }: ModelVariant, wanted: string): boolean {
  const name = wanted.toLowerCase();
  if (!name.endsWith('.gguf')) return quantisation === wanted.toUpperCase() || containsWord(files[0].path, wanted);
  return files.some(({ path }) => path.toLowerCase() === name || path.toLowerCase().endsWith(`/${name}`));
}

/** What a file's name says about how it is stored, such as `Q4_K_M` in `model.q4_k_m.gguf`. */
function quantisationIn(path: string): string | undefined {
  const fileName = path.slice(path.lastIndexOf('/') + 1);
  const special = /(?:^|[-._/])(UD-[A-Z0-9_]+)(?=[-._/])/i.exec(fileName)?.[1];
  return special?.toUpperCase() ?? QUANTISATIONS.find((name) => containsWord(fileName, name));
}

function containsWord(text: string, word: string): boolean {
  const escaped = word.replaceAll(/[^A-Za-z0-9_]/g, (character) => `\\${character}`);
  return new RegExp(`(?:^|[-./])${escaped}(?=[-./])`, 'i').test(text);
}
