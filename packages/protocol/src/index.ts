export * from './event.ts';
export * from './model.ts';
export * from './request-fields/index.ts';
export {
  MAX_LOGIT_BIAS,
  MAX_LOGIT_BIASES,
  MAX_TOKENS,
  pickSampling,
  readSampling,
  type Sampling,
  SAMPLING,
  type SamplingNumber,
  type TokenBias,
} from './sampling.ts';
export { type FieldRules, Fields } from './fields.ts';
export * from './session.ts';
export * from './framing/index.ts';
export * from './message-session.ts';
export * from './client-server-session.ts';
