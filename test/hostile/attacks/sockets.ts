/** The plain sockets of the attack programs. Nothing here uses Shoal's code: an attacker does not use it either. */
import { connect, type Socket } from 'node:net';

/** The address that attacks come from. The honest client has another, as it would on a network. */
const ATTACKER = '127.0.0.66';

/** The doors that an attack program is pointed at, as the first argument in JSON. */
export interface Target {
  /** Ports on 127.0.0.1. */
  readonly donate: number;
  readonly tcp: number;
  readonly websocket: number;
  readonly api: number;
  /** `host:port` of the DHT. */
  readonly bootstrap: string;
}

export function target(): Target {
  return JSON.parse(process.argv[2] ?? '') as Target;
}

/** Tells the test that the attack is under way. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Resolves with an open socket. A socket that the node closes later is no error of the attack. */
export function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: ATTACKER });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // The node may end the connection at any time, which is what it should do.
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}

/** Resolves when the system has taken the bytes, or the connection is closed. */
export function write(socket: Socket, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', resolve);
    socket.write(bytes, () => {
      socket.off('close', resolve);
      resolve();
    });
  });
}

/** A Donate compute frame: u32 little-endian length, then the body. */
export function donateFrame(body: string | Uint8Array): Buffer {
  const bytes = Buffer.from(body);
  const header = Buffer.alloc(4);
  header.writeUInt32LE(bytes.length);
  return Buffer.concat([header, bytes]);
}

/** The first line of a `shoal/1` peer. */
export function shoalHello(name: string): string {
  const hello = { type: 'peer_hello', protocol: 'shoal/1', peer_id: '0c'.repeat(32), node_name: name, clusters: [] };
  return `${JSON.stringify(hello)}\n`;
}

/** Keeps the program alive until the test ends it. */
export function stay(): void {
  setInterval(() => undefined, 60_000);
}
