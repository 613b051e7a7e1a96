import type { Logger } from '@shoal/host/log';
import type { Dht } from '@shoal/transport/dht';

/** The DHT has this time to answer before a warning is logged. */
const DHT_ANSWER_MS = 3_000;

export interface DhtWarningOptions {
  readonly log: Logger;
  /** The subject of the warning, such as `this host`. */
  readonly what: string;
  /** Resolves when clients can find it, or the DHT has failed. */
  readonly announced: () => Promise<void>;
  /** True if it has ended: then no warning is needed. */
  readonly hasEnded: () => boolean;
}

/** Logs a warning if the DHT does not answer, because clients then cannot find this process. */
export async function warnOfSilentDht(dht: Dht, { log, what, announced, hasEnded }: DhtWarningOptions): Promise<void> {
  const reached = await dht.reachable(DHT_ANSWER_MS);
  if (!reached.ok) {
    if (!hasEnded()) log.warn(`${reached.why} Nobody can find ${what} until one does.`);
    return;
  }
  await announced();
  if (!hasEnded()) log.debug(`Clients can find it now; ${reached.nodes} nodes of the DHT answered`);
}
