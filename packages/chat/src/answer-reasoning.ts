/** The reasoning to separate from one answer. Neither marker is empty. */
export interface AnswerReasoning {
  readonly start: string;
  readonly end: string;
  /** True if the prompt ends with the start marker. */
  readonly hasBegun: boolean;
}
