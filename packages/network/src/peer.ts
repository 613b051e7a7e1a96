import type { PeerInfo } from '@shoal/protocol';
import type { PeerSession } from '@shoal/protocol/shoal';
import type { Link } from '@shoal/transport';

/** A connected peer that has said who it is. */
export interface Peer {
  /** What tells it from others: its public key in hex where the transport proves it, else the address that we dialled. */
  readonly key: string;
  readonly link: Link<PeerSession>;
  readonly info: PeerInfo;
  /** Requests of others that ran or waited there when it last said how it fares; absent: unknown. */
  readonly othersLoad?: number | undefined;
  /** Wall-clock times for people, milliseconds since 1970. */
  readonly connectedAt: number;
  readonly lastSeenAt: number;
}

/** What to call a peer that never said its name. */
export function peerName(peer: Peer): string {
  const { key } = peer.link.connection.remote;
  return peer.info.name === '' ? (key?.slice(0, 8) ?? peer.key) : peer.info.name;
}
