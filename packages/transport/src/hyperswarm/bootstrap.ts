import HyperDHT from 'hyperdht';
import { ShoalError } from '@shoal/protocol/error';
import { bindingFor, isIpv4, parseHostPort } from '../host-port.ts';

/** Attempts to get a free port: another program may take it in between. */
const FREE_PORT_TRIES = 3;

export interface BootstrapOptions {
  /**
   * The IPv4 address at which the other nodes reach this machine. A loopback address serves only this machine; `0.0.0.0`
   * stands for the machine's first network address.
   */
  readonly host: string;
  /** UDP; 0 picks a free one. */
  readonly port: number;
}

export interface BootstrapNode {
  /** `host:port`, the value of `bootstrap` for other nodes. They must not use another address of this machine. */
  readonly address: string;
  close(): Promise<void>;
}

/** Runs the first node of a private DHT. Throws `INVALID_REQUEST` if the host is unusable or the port is in use. */
export async function runBootstrap(options: BootstrapOptions): Promise<BootstrapNode> {
  if (!isIpv4(options.host)) {
    throw ShoalError.invalidRequest(`"${options.host}" is not an IPv4 address. A bootstrap node needs one.`);
  }
  const host = options.host === '0.0.0.0' ? await networkAddress() : options.host;
  const bindHost = bindingFor([host]).host;
  for (let tries = options.port === 0 ? FREE_PORT_TRIES : 1; ; tries -= 1) {
    const port = options.port === 0 ? await freePort(bindHost) : options.port;
    // Without `anyPort`, a node whose port is in use keeps the process alive for ever.
    const node = HyperDHT.bootstrapper(port, host, { host: bindHost, anyPort: true });
    await node.fullyBootstrapped();
    if (node.address().port === port) return { address: `${host}:${port}`, close: () => node.destroy() };
    await node.destroy();
    if (tries === 1) throw portTaken(port);
  }
}

export interface LocalDht {
  readonly bootstrap: string[];
  close(): Promise<void>;
}

/** Runs a real DHT of `size` nodes in this process, on the loopback address, for tests and demonstrations. */
export async function localDht(size = 3): Promise<LocalDht> {
  const first = await runBootstrap({ host: '127.0.0.1', port: 0 });
  const bootstrap = [first.address];
  const { host } = parseHostPort(first.address);
  const others: HyperDHT[] = [];
  while (others.length + 1 < size) {
    const node = new HyperDHT({ ...bindingFor([host]), bootstrap, ephemeral: false });
    others.push(node);
    await node.fullyBootstrapped();
  }
  return {
    bootstrap,
    async close() {
      for (const node of others.reverse()) await node.destroy();
      await first.close();
    },
  };
}

function portTaken(port: number): ShoalError {
  return ShoalError.invalidRequest(
    `UDP port ${port} is taken by another program: stop it, or choose another port (0 picks a free one).`,
  );
}

/** Returns the port that a temporary node was given, which is free again afterwards. */
function freePort(host: string): Promise<number> {
  return withTemporaryNode(host, (node) => node.address().port);
}

function networkAddress(): Promise<string> {
  return withTemporaryNode('127.0.0.1', (node) => {
    const outward = node.udx.networkInterfaces().find(({ family, internal }) => family === 4 && !internal);
    return outward?.host ?? '127.0.0.1';
  });
}

async function withTemporaryNode<Value>(host: string, read: (node: HyperDHT) => Value): Promise<Value> {
  const node = new HyperDHT({ bootstrap: [], host });
  try {
    await node.bind();
    return read(node);
  } finally {
    await node.destroy();
  }
}
