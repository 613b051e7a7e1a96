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
export * from './server.ts';
export * from './session.ts';
