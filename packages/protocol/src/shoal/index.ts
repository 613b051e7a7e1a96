export { admissionError, type DoorRule } from './admission.ts';
export {
  CHALLENGE_BYTES,
  type Credentials,
  type Identity,
  identityOf,
  isPublicKey,
  SEED_BYTES,
} from './authorisation.ts';
export * from './client.ts';
export * from './errors.ts';
export { LOGPROBS_OF_CHUNK_MAX } from './logprobs.ts';
export * from './messages.ts';
export * from './request.ts';
export * from './sampling.ts';
export * from './server.ts';
export * from './session.ts';
export { MAX_TOOL_CALL_ID_LENGTH, MAX_TOOL_CALLS, MAX_TOOL_NAME_LENGTH, MAX_TOOLS } from './tools.ts';
