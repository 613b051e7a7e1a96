import HyperDHT from 'hyperdht';
import { bindingFor, parseHostPort } from '../host-port.ts';
import { within } from '../within.ts';

export { localDht, runBootstrap } from './bootstrap.ts';
export type { BootstrapNode, BootstrapOptions, LocalDht } from './bootstrap.ts';

/** Time in which a closing DHT may unannounce its servers. */
export const DHT_CLOSE_GRACE_MS = 1_000;

export interface DhtOptions {
  /** `host:port` each. Default: Holepunch's public nodes. */
  readonly bootstrap?: readonly string[] | undefined;
  /** The address to bind. Default: chosen from the bootstrap addresses. */
  readonly host?: string | undefined;
}

export type Reachability =
  /** `nodes` answered. */
  { readonly ok: true; readonly nodes: number } | { readonly ok: false; readonly why: string };

/** This process's DHT node, shared by all its swarms. */
export interface Dht {
  readonly native: HyperDHT;
  /** The bootstrap nodes, `host:port` each; empty for the public DHT. */
  readonly bootstrap: readonly string[];
  /** Looks up a random key and counts the nodes that answer. Resolves within `timeoutMs` and never rejects. */
  reachable(timeoutMs: number): Promise<Reachability>;
  /** Ends every stream and swarm that uses this node. */
  close(): Promise<void>;
}

/** Starts a node without waiting for the network. Throws `INVALID_REQUEST` if a bootstrap is not `host:port`. */
export function createDht(options: DhtOptions = {}): Dht {
  const bootstrap = options.bootstrap ?? [];
  const hosts = bootstrap.map((address) => parseHostPort(address).host);
  const native = new HyperDHT({
    ...bindingFor(hosts),
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(bootstrap.length === 0 ? {} : { bootstrap }),
  });
  // Every swarm adds listeners, and the number of swarms has no limit.
  native.setMaxListeners(0);
  return {
    native,
    bootstrap,
    reachable: (timeoutMs) => reachable(native, bootstrap, timeoutMs),
    close: () => closeDht(native),
  };
}

function reachable(native: HyperDHT, bootstrap: readonly string[], timeoutMs: number): Promise<Reachability> {
  return new Promise((resolve) => {
    let nodes = 0;
    const query = native.findNode(HyperDHT.keyPair().publicKey);
    const timer = setTimeout(finish, timeoutMs);

    function finish(): void {
      clearTimeout(timer);
      query.destroy();
      if (nodes > 0) resolve({ ok: true, nodes });
      else resolve({ ok: false, why: `No node of the DHT answered (${bootstrapNames(bootstrap)}).` });
    }

    query.on('data', () => {
      nodes += 1;
    });
    // An error ends the query too. The nodes that answered before still count.
    query.on('error', finish);
    query.on('close', finish);
  });
}

function bootstrapNames(bootstrap: readonly string[]): string {
  return bootstrap.length === 0 ? 'the public bootstrap nodes' : `bootstrap ${bootstrap.join(', ')}`;
}

async function closeDht(native: HyperDHT): Promise<void> {
  const isDestroyed = await within(native.destroy(), DHT_CLOSE_GRACE_MS);
  if (!isDestroyed) await native.destroy({ force: true });
}
