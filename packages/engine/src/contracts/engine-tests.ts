/** Prompts for the engine under test. Each must always have the same answer. */
export interface EnginePrompts {
  /** Its answer ends by itself. */
  readonly short: string;
  /** Its answer has more than 200 tokens and ends by itself. */
  readonly long: string;
}

/** Reasons why tests do not apply to an engine, by title. */
export type EngineSkips = Partial<Record<EngineTestTitle, string>>;

export type EngineTestTitle =
  | 'an answer is text, then one finish with its usage'
  | 'maxTokens ends an answer with length'
  | 'maxTokens beyond the context is no error'
  | 'the context length of a request limits its prompt and answer'
  | 'an answer ends before a stop string, wherever the text is split'
  | 'the same seed gives the same answer'
  | 'an answer continues after the text of another worker'
  | 'an abort ends an answer at once'
  | 'a request that is already aborted is not started'
  | 'leaving the loop early frees the slot'
  | 'simultaneous requests get their own answers'
  | 'a consumer that stops reading pauses the generation'
  | 'an unknown model is refused, and the known ones are named'
  | 'a model can be requested by its id and its digest'
  | 'a request without tokens is refused'
  | 'a request for an ability that the model lacks is refused'
  | 'a count is the prompt tokens of the answered request'
  | 'a count of an empty text generates nothing'
  | 'counts need no slot'
  | 'JSON by schema is valid'
  | 'a required tool is called'
  | 'several texts become vectors of length 1'
  | 'log probabilities come with their tokens'
  | 'logit bias can forbid a token'
  | 'a repeated conversation reports its cached tokens'
  | 'closing ends running requests with GENERATION_ABORTED, and may be repeated';
