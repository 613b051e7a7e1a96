export {
  CHALLENGE_BYTES,
  type Credentials,
  type DoorRule,
  type Identity,
  identityOf,
  isPublicKey,
  SEED_BYTES,
} from './authorisation.ts';
export * from './client.ts';
export * from './errors.ts';
export * from './messages.ts';
export * from './request.ts';
export * from './server.ts';
export * from './session.ts';
