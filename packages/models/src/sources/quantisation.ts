import { ShoalError } from '@shoal/protocol/error';
import type { Digest } from '@shoal/files/digest';
import { QUANTISATIONS } from '../gguf/file-types.ts';
import { partFileNames, parsePart } from './split.ts';

/** Order of preference if none is requested: the best quality for its size first, as in Ollama and llama.cpp. */
const PREFERRED = ['Q4_K_M', 'Q4_K_S', 'Q4_0', 'Q5_K_M', 'Q5_K_S', 'Q6_K', 'Q8_0', 'MXFP4_MOE', 'F16', 'BF16'];
/** Files that are not models by themselves: projectors and importance matrices. */
const NOT_A_MODEL = /(?:^|\/)(?:mmproj|imatrix)|[-._](?:mmproj|imatrix)[-._]/i;
/** Variants that an error message lists. */
const LISTED_VARIANTS = 20;

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
 * Selects one model of a repository: `selector` is a quantisation or a file's path or name. Default: the preferred
 * quantisation. Throws `MODEL_NOT_FOUND` with the list of variants.
 */
export function selectModel(
  files: readonly RepositoryFile[],
  repository: string,
  selector: string | undefined,
): ModelVariant {
  const variants = variantsOf(files);
  const selected =
    selector === undefined ? preferredVariant(variants) : variants.find((variant) => matches(variant, selector));
  if (selected !== undefined) return selected;
  const named = variants.map(({ quantisation, files: [{ path }] }) => quantisation ?? path).slice(0, LISTED_VARIANTS);
  const more = variants.length > LISTED_VARIANTS ? ` and ${variants.length - LISTED_VARIANTS} more` : '';
  throw new ShoalError(
    'MODEL_NOT_FOUND',
    variants.length === 0
      ? `${repository} has no GGUF file. Look for a repository whose name ends with GGUF.`
      : `Select a model of ${repository}: add a colon and one of these: ${named.join(', ')}${more}.`,
  );
}

/** All models of a repository, without those that lack a part: they cannot be loaded. */
function variantsOf(files: readonly RepositoryFile[]): ModelVariant[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return files.flatMap((file) => {
    if (!/\.gguf$/i.test(file.path) || NOT_A_MODEL.test(file.path)) return [];
    if ((parsePart(file.path)?.number ?? 1) !== 1) return [];
    const parts = partFileNames(file.path).flatMap((path) => byPath.get(path) ?? []);
    const [first, ...rest] = parts;
    if (first === undefined || parts.length !== partFileNames(file.path).length) return [];
    const quantisation = quantisationIn(file.path);
    return [{ files: [first, ...rest], ...(quantisation !== undefined && { quantisation }) }];
  });
}

function preferredVariant(variants: readonly ModelVariant[]): ModelVariant | undefined {
  for (const preferred of PREFERRED) {
    const variant = variants.find(({ quantisation }) => quantisation === preferred);
    if (variant !== undefined) return variant;
  }
  return variants.length === 1 ? variants[0] : undefined;
}

function matches({ files, quantisation }: ModelVariant, selector: string): boolean {
  const name = selector.toLowerCase();
  if (!name.endsWith('.gguf')) return quantisation === selector.toUpperCase() || containsWord(files[0].path, selector);
  return files.some(({ path }) => path.toLowerCase() === name || path.toLowerCase().endsWith(`/${name}`));
}

/** The quantisation in a file's name, such as `Q4_K_M` in `model.q4_k_m.gguf`. */
function quantisationIn(path: string): string | undefined {
  const fileName = path.slice(path.lastIndexOf('/') + 1);
  const special = /(?:^|[-._/])(UD-[A-Z0-9_]+)(?=[-._/])/i.exec(fileName)?.[1];
  return special?.toUpperCase() ?? QUANTISATIONS.find((name) => containsWord(fileName, name));
}

function containsWord(text: string, word: string): boolean {
  const escaped = word.replaceAll(/[^A-Za-z0-9_]/g, (character) => `\\${character}`);
  return new RegExp(`(?:^|[-./])${escaped}(?=[-./])`, 'i').test(text);
}
