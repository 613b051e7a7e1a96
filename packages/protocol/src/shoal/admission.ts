import { sha256 } from '@noble/hashes/sha2.js';
import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import { isProven } from './authorisation.ts';

/** How a peer reached this node. Each way has one rule. A credential for one rule does not count for the other. */
export type Origin = MemberOrigin | VisitorOrigin;

/** Through a cluster, or because this node dialled it. */
export interface MemberOrigin {
  readonly type: 'member';
  /** The clusters that count: those that this node is in, or those in which it lends. */
  readonly clusters: readonly string[];
  /** True: the peer may be here through another cluster, so it must name one of these. */
  readonly others?: boolean | undefined;
}

/** Through a WebSocket or TCP door. */
export interface VisitorOrigin extends DoorRule {
  readonly type: 'visitor';
  /** The door's public key, 64 lower-case hex digits. */
  readonly doorKey: string;
}

/** The credentials that a door accepts: its token, or a key of its list. Without both it accepts everybody. */
export interface DoorRule {
  /** `CHALLENGE_BYTES` random bytes in hex, new for each connection. */
  readonly challenge: string;
  readonly token?: string | undefined;
  /** Public keys, 64 lower-case hex digits each. */
  readonly allowedKeys?: ReadonlySet<string> | undefined;
}

/** The part of a hello that the rules read. A peer that sent no hello claims nothing. */
export interface Claims {
  readonly clusters?: readonly string[] | undefined;
  readonly peer_id?: string | undefined;
  readonly token?: string | undefined;
  readonly signature?: string | undefined;
}

/** Returns the error that refuses a peer, or undefined if it is admitted. */
export function admissionError(claims: Claims, origin: Origin): ShoalError | undefined {
  switch (origin.type) {
    case 'member':
      return memberError(claims, origin);
    case 'visitor':
      return visitorError(claims, origin);
    default:
      return origin satisfies never;
  }
}

/**
 * A member lists one of the clusters. OpenGateway's prompt tools, which send no hello, are members of any cluster, so they are
 * admitted where no other cluster is possible.
 */
function memberError(claims: Claims, { clusters, others = false }: MemberOrigin): ShoalError | undefined {
  const isMember =
    claims.clusters === undefined
      ? clusters.length > 0 && !others
      : claims.clusters.some((cluster) => clusters.includes(cluster));
  if (isMember) return undefined;
  return ShoalError.unauthorized(
    others
      ? 'This node answers only the members of the clusters in which it lends.'
      : 'This node answers the members of its clusters only.',
  );
}

/** A visitor shows the door's token or proves a key of its list. */
function visitorError(claims: Claims, origin: VisitorOrigin): ShoalError | undefined {
  const { doorKey, challenge, token, allowedKeys } = origin;
  if (token === undefined && allowedKeys === undefined) return undefined;
  if (token !== undefined && claims.token !== undefined && isEqualInConstantTime(claims.token, token)) return undefined;
  const { peer_id: key = '', signature } = claims;
  if (allowedKeys?.has(key) === true && isProven({ key, signature, doorKey, challenge })) return undefined;
  return ShoalError.unauthorized(refusalText(claims, origin));
}

/** Describes the credentials that were shown, and never the right ones. */
function refusalText({ peer_id: key = '', ...shown }: Claims, { token, allowedKeys }: DoorRule): string {
  if (allowedKeys?.has(key) === true) {
    const how = 'Sign the challenge of its hello.';
    return shown.signature === undefined
      ? `Your key is on the list of this door, but your hello does not prove it. ${how}`
      : `The signature of your hello does not prove your key. ${how}`;
  }
  if (token !== undefined && shown.token !== undefined) return 'The token is not the one of this door.';
  const accepted = [
    ...(token === undefined ? [] : ['its token']),
    ...(allowedKeys === undefined ? [] : ['a key of its list']),
  ];
  return `This door opens for ${accepted.join(' or ')}. Ask the owner of the node for one.`;
}

/** Compares digests, so that the time taken shows neither the first difference nor the length. */
function isEqualInConstantTime(left: string, right: string): boolean {
  const [one, other] = [sha256(b4a.from(left, 'utf8')), sha256(b4a.from(right, 'utf8'))];
  let difference = 0;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
