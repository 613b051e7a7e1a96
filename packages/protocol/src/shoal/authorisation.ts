import { getPublicKey, hashes, sign, verify } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import type { HelloMessage } from './messages.ts';

// That package brings no hash of its own, and without one it only works where there is Web Crypto, which Bare lacks.
hashes.sha512 = sha512;

/** Random bytes of a door's challenge. */
export const CHALLENGE_BYTES = 32;
/** What a key pair comes from. */
export const SEED_BYTES = 32;
/** 32 bytes in hex. */
const KEY_PATTERN = /^[0-9a-f]{64}$/;
/** 64 bytes in hex. */
const SIGNATURE_PATTERN = /^[0-9a-f]{128}$/;

/** What whoever dials a door can show. */
export interface Credentials {
  readonly token?: string | undefined;
  /** Signs with the key that its hello names; 64 bytes. */
  readonly sign: (text: Uint8Array) => Uint8Array;
}

/** A node's key pair (Ed25519, as Hyperswarm's). */
export interface Identity {
  /** Public key, 64 lower-case hex digits. */
  readonly key: string;
  readonly sign: (text: Uint8Array) => Uint8Array;
}

/** The same seed gives the same key pair here as over Hyperswarm. Throws `INVALID_REQUEST` unless it has 32 bytes. */
export function identityOf(seed: Uint8Array): Identity {
  if (seed.length !== SEED_BYTES) throw ShoalError.invalidRequest(`The seed of a key pair has ${SEED_BYTES} bytes.`);
  return {
    key: b4a.toString(getPublicKey(seed), 'hex'),
    sign: (text) => sign(text, seed),
  };
}

/** Whether this is a public key as a hello carries it. */
export function isPublicKey(text: string): boolean {
  return KEY_PATTERN.test(text);
}

/** What a hello says beside who its sender is: that it may come in at the door whose hello this is. */
export function proofFor(
  door: HelloMessage,
  ourKey: string,
  credentials: Credentials,
): Pick<HelloMessage, 'token' | 'signature'> {
  const { token } = credentials;
  const { challenge, peer_id: doorKey } = door;
  return {
    token,
    ...(challenge === undefined
      ? {}
      : { signature: b4a.toString(credentials.sign(helloText(doorKey, challenge, ourKey)), 'hex') }),
  };
}

/** A key that a hello names, and the signature that should prove it to a door. */
interface KeyClaim {
  readonly key: string;
  readonly signature: string | undefined;
  readonly doorKey: string;
  readonly challenge: string;
}

export function isProven({ key, signature, doorKey, challenge }: KeyClaim): boolean {
  if (signature === undefined || !SIGNATURE_PATTERN.test(signature) || !isPublicKey(key)) return false;
  const text = helloText(doorKey, challenge, key);
  return verify(b4a.from(signature, 'hex'), text, b4a.from(key, 'hex'), { zip215: false });
}

/** What is signed. It names the protocol and the door, so that a signature is good for nothing else and nowhere else. */
function helloText(doorKey: string, challenge: string, key: string): Uint8Array {
  return b4a.from(`shoal/1 hello\n${doorKey}\n${challenge}\n${key}\n`, 'utf8');
}
