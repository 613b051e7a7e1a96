import type { Logger } from '@shoal/host/log';
import type { Dht } from '@shoal/transport/dht';

/** How long the DHT may take to answer before it is said that nobody can be found there. */
const DHT_ANSWER_MS = 3_000;

export interface DhtWarningOptions {
  readonly log: Logger;
  /** What nobody can find, such as `this host`. */
  readonly what: string;
  /** Resolves once clients can find it, or the DHT has failed. */
  readonly announced: () => Promise<void>;
  /** Whether it has ended meanwhile: then there is nothing to warn of. */
  readonly hasEnded: () => boolean;
}

/** Whom nobody can find looks like one whom nobody looks for: says so, once. */
export async function warnOfSilentDht(dht: Dht, { log, what, announced, hasEnded }: DhtWarningOptions): Promise<void> {
  const reached = await dht.reachable(DHT_ANSWER_MS);
  if (!reached.ok) {
    if (!hasEnded()) log.warn(`${reached.why} Nobody can find ${what} until one does.`);
    return;
  }
  await announced();
  if (!hasEnded()) log.debug(`Found by clients from now on; ${reached.nodes} nodes of the DHT answered`);
}
