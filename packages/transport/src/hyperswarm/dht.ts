import HyperDHT from 'hyperdht';
import { bindingFor, parseHostPort } from '../host-port.ts';
import { within } from '../within.ts';

export { localDht, runBootstrap } from './bootstrap.ts';
export type { BootstrapNode, BootstrapOptions, LocalDht } from './bootstrap.ts';

/** How long a closing DHT may take to tell the others that its servers are gone. */
export const DHT_CLOSE_GRACE_MS = 1_000;

export interface DhtOptions {
  /** `host:port` each; without any, Holepunch's public ones. */
  readonly bootstrap?: readonly string[] | undefined;
  /** The address to bind, where the bootstraps should not decide it. */
  readonly host?: string | undefined;
}

export type Reachability =
  /** `nodes` answered. */
  { readonly ok: true; readonly nodes: number } | { readonly ok: false; readonly why: string };

/** This process's place in the DHT, shared by all its swarms. */
export interface Dht {
  readonly native: HyperDHT;
  /** Where it enters the DHT, `host:port` each; empty for the public DHT. */
  readonly bootstrap: readonly string[];
  /** Asks the DHT for its nodes near a random place; resolves within `timeoutMs`, and never rejects. */
  reachable(timeoutMs: number): Promise<Reachability>;
  /** Ends every stream and swarm that uses it. */
  close(): Promise<void>;
}

/** Starts at once, whether or not anybody answers. Throws `INVALID_REQUEST` for a bootstrap that is not `host:port`. */
export function createDht(options: DhtOptions = {}): Dht {
  const bootstrap = options.bootstrap ?? [];
  const hosts = bootstrap.map((address) => parseHostPort(address).host);
  const native = new HyperDHT({
    ...bindingFor(hosts),
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(bootstrap.length === 0 ? {} : { bootstrap }),
  });
  // Every swarm listens to it, and nobody knows how many there will be.
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
      else resolve({ ok: false, why: `No node of the DHT answered (${entrance(bootstrap)}).` });
    }

    query.on('data', () => {
      nodes += 1;
    });
    // An error ends the query too, and what counts is who had answered by then.
    query.on('error', finish);
    query.on('close', finish);
  });
}

function entrance(bootstrap: readonly string[]): string {
  return bootstrap.length === 0 ? 'the public bootstrap nodes' : `bootstrap ${bootstrap.join(', ')}`;
}

async function closeDht(native: HyperDHT): Promise<void> {
  const isDone = await within(native.destroy(), DHT_CLOSE_GRACE_MS);
  if (!isDone) await native.destroy({ force: true });
}
