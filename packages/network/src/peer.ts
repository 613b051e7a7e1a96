import type { PeerInfo } from '@shoal/protocol';
import type { RequestLink } from '@shoal/transport';

/** A connected peer that has sent its hello, or this node itself. */
export interface Peer {
  /** Unique: its public key in hex if the transport proves it, else the address that we dialled. */
  readonly key: string;
  readonly link: RequestLink;
  readonly info: PeerInfo;
  /** Requests of others that ran or waited there at its last status. Undefined if unknown. */
  readonly othersLoad?: number | undefined;
  /** Wall-clock times to show to people, in milliseconds since 1970. */
  readonly connectedAt: number;
  readonly lastSeenAt: number;
}

/** Returns a peer's name, or the start of its key if it has none. */
export function peerName(peer: Peer): string {
  const { key } = peer.link.connection.remote;
  return peer.info.name === '' ? (key?.slice(0, 8) ?? peer.key) : peer.info.name;
}

/**
 * How a prompt reaches a peer: it stays in this process (`local`), travels encrypted (`encrypted`), or can be read on the way
 * (`plain`).
 */
export type Privacy = 'local' | 'encrypted' | 'plain';

export function privacyOf({ key, link }: Peer): Privacy {
  const { transport } = link.connection.remote;
  switch (transport) {
    case 'memory':
      return 'local';
    case 'hyperswarm':
      return 'encrypted';
    case 'websocket':
      return key.startsWith('wss:') ? 'encrypted' : 'plain';
    case 'tcp':
      return 'plain';
    default:
      return transport satisfies never;
  }
}
