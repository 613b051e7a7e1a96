/** The part of an embeddings response that is used here. */
export interface EmbeddingsResponse {
  /** One per text, in the order of the texts, not checked and of any length. */
  readonly vectors: readonly unknown[];
  readonly promptTokens: number | undefined;
}

/** Scales a vector to length 1. Undefined if the value is not a vector of numbers or has no length. */
export function unitVector(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || !value.every((part) => typeof part === 'number')) return undefined;
  const length = Math.sqrt(value.reduce((sum, part) => sum + part * part, 0));
  return length > 0 && Number.isFinite(length) ? value.map((part) => part / length) : undefined;
}
