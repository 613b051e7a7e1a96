import type { PeerInfo } from '@shoal/protocol';
import type { PeerSession } from '@shoal/protocol/shoal';
import type { Link } from '@shoal/transport';

/** A connected peer that has said who it is. */
export interface Peer {
  /** Public key, hex; proven by the transport. */
  readonly key: string;
  readonly link: Link<PeerSession>;
  readonly info: PeerInfo;
  /** Wall-clock times for people, milliseconds since 1970. */
  readonly connectedAt: number;
  readonly lastSeenAt: number;
}

/** What to call a peer that never said its name. */
export function peerName(peer: Peer): string {
  return peer.info.name === '' ? peer.key.slice(0, 8) : peer.info.name;
}
