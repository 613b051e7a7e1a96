import HyperDHT from 'hyperdht';
import { ShoalError } from '@shoal/protocol';
import { bindingFor, isIpv4, parseHostPort } from '../host-port.ts';

/** How often a free port is sought before giving up: another program may take it in between. */
const FREE_PORT_TRIES = 3;

export interface BootstrapOptions {
  /**
   * The IPv4 address under which the others reach this machine. A loopback address serves this machine alone;
   * `0.0.0.0` stands for the machine's first address in its network.
   */
  readonly host: string;
  /** UDP; 0 picks a free one. */
  readonly port: number;
}

export interface BootstrapNode {
  /** `host:port`, what the others pass as `bootstrap`. They must not use any other address of this machine. */
  readonly address: string;
  close(): Promise<void>;
}

/** Runs the first node of a DHT of one's own. Throws `INVALID_REQUEST` for an unusable host and for a taken port. */
export async function runBootstrap(options: BootstrapOptions): Promise<BootstrapNode> {
  if (!isIpv4(options.host)) {
    throw ShoalError.invalidRequest(`"${options.host}" is no IPv4 address, which a bootstrap node needs.`);
  }
  const host = options.host === '0.0.0.0' ? await networkAddress() : options.host;
  const bindHost = bindingFor([host]).host;
  for (let tries = options.port === 0 ? FREE_PORT_TRIES : 1; ; tries -= 1) {
    const port = options.port === 0 ? await freePort(bindHost) : options.port;
    // A node that may not fall back to another port never lets go of the process when its own is taken.
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

/** A real DHT of `size` nodes, all in this process and on the loopback address: for tests and demonstrations. */
export async function localDht(size = 3): Promise<LocalDht> {
  const first = await runBootstrap({ host: '127.0.0.1', port: 0 });
  const bootstrap = [first.address];
  const { host } = parseHostPort(first.address);
  const others: HyperDHT[] = [];
  while (others.length + 1 < size) {
    const node = new HyperDHT({ bootstrap, host, ephemeral: false, firewalled: false });
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
    `UDP port ${port} is taken by another program: stop that one, or choose another port (0 picks a free one).`,
  );
}

/** The port on which a node without a fixed one ended up, which is free again when that node is gone. */
function freePort(host: string): Promise<number> {
  return withPassingNode(host, (node) => node.address().port);
}

function networkAddress(): Promise<string> {
  return withPassingNode('127.0.0.1', (node) => {
    const outward = node.udx.networkInterfaces().find(({ family, internal }) => family === 4 && !internal);
    return outward?.host ?? '127.0.0.1';
  });
}

async function withPassingNode<Value>(host: string, read: (node: HyperDHT) => Value): Promise<Value> {
  const node = new HyperDHT({ bootstrap: [], host });
  try {
    await node.bind();
    return read(node);
  } finally {
    await node.destroy();
  }
}
