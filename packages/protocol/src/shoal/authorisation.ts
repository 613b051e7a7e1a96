import { getPublicKey, hashes, sign, verify } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import type { HelloMessage } from './messages.ts';

// The package contains no hash. Without one it needs Web Crypto, which Bare lacks.
hashes.sha512 = sha512;

/** Number of random bytes in a door's challenge. */
export const CHALLENGE_BYTES = 32;
/** Number of bytes from which a key pair is derived. */
export const SEED_BYTES = 32;
/** 32 bytes in hex. */
const KEY_PATTERN = /^[0-9a-f]{64}$/;
/** 64 bytes in hex. */
const SIGNATURE_PATTERN = /^[0-9a-f]{128}$/;

/** The credentials of a peer that dials a door. */
export interface Credentials {
  readonly token?: string | undefined;
  /** Signs with the key in the peer's hello. Returns 64 bytes. */
  readonly sign: (text: Uint8Array) => Uint8Array;
}

/** A node's key pair: Ed25519, as in Hyperswarm. */
export interface Identity {
  /** Public key, 64 lower-case hex digits. */
  readonly key: string;
  readonly sign: (text: Uint8Array) => Uint8Array;
}

/** Derives a key pair from a seed as Hyperswarm does. Throws `INVALID_REQUEST` unless the seed has 32 bytes. */
export function identityOf(seed: Uint8Array): Identity {
  if (seed.length !== SEED_BYTES) throw ShoalError.invalidRequest(`The seed of a key pair has ${SEED_BYTES} bytes.`);
  return {
    key: b4a.toString(getPublicKey(seed), 'hex'),
    sign: (text) => sign(text, seed),
  };
}

/** True if the text is a public key as a hello contains it: 64 lower-case hex digits. */
export function isPublicKey(text: string): boolean {
  return KEY_PATTERN.test(text);
}

/** Returns the fields of our hello that show our credentials to the door that sent `door`. */
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

/** The key in a hello, and the signature that should prove it to a door. */
interface KeyClaim {
  readonly key: string;
  readonly signature: string | undefined;
  readonly doorKey: string;
  readonly challenge: string;
}

/** True if the signature over the door's challenge was made with the key. */
export function isProven({ key, signature, doorKey, challenge }: KeyClaim): boolean {
  if (signature === undefined || !SIGNATURE_PATTERN.test(signature) || !isPublicKey(key)) return false;
  const text = helloText(doorKey, challenge, key);
  return verify(b4a.from(signature, 'hex'), text, b4a.from(key, 'hex'), { zip215: false });
}

/** The signed text. It contains the protocol and the door, so that a signature cannot be used for anything else. */
function helloText(doorKey: string, challenge: string, key: string): Uint8Array {
  return b4a.from(`shoal/1 hello\n${doorKey}\n${challenge}\n${key}\n`, 'utf8');
}
