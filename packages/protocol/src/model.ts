/** A model as a worker offers it. */
export interface ModelInfo {
  /** The name that people use. */
  readonly id: string;
  /** `sha256:` and 64 hex digits of the model file. Two workers serve the same model only if their digests agree. */
  readonly digest?: string;
  /** Tokens that prompt and answer may take together. */
  readonly contextLength?: number;
  /** As the field writes it: `F16`, `Q4_K_M`. */
  readonly quantization?: string;
}

/** Whether a model is meant by that name: its id or digest, or its id without the tag `latest`, as Ollama has it. */
export function isNamed({ id, digest }: ModelInfo, name: string): boolean {
  return id === name || digest === name || id === `${name}:latest`;
}
