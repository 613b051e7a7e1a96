/** Models that have a label of their own. Each one costs about a hundred time series, and peers choose the names. */
const LABELLED_MODELS_MAX = 64;
/** The label of every other model. */
const OTHER = 'other';

/** Limits the values of a label that callers and peers choose. */
export class ModelLabels {
  readonly #isOffered: (model: string) => boolean;
  readonly #known = new Set<string>();

  /** `isOffered` returns true for the name of a model that this node or one of its peers lends. */
  constructor(isOffered: (model: string) => boolean) {
    this.#isOffered = isOffered;
  }

  labelOf(model: string): string {
    if (this.#known.has(model)) return model;
    if (this.#known.size >= LABELLED_MODELS_MAX || !this.#isOffered(model)) return OTHER;
    this.#known.add(model);
    return model;
  }
}
