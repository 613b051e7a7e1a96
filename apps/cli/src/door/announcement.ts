import type { Logger } from '@shoal/host/log';
import type { Dht } from '@shoal/transport/dht';

/** The DHT has this time to answer before a warning is logged. */
const DHT_ANSWER_MS = 3_000;
/** A DHT that answers has this time to take the announcement before a warning is logged. */
const ANNOUNCEMENT_MS = 10_000;

export interface AnnouncementOptions {
  readonly log: Logger;
  /** The subject of a warning, such as `this host`. */
  readonly what: string;
  /** Resolves when clients can find it, or the DHT has failed. */
  readonly announced: () => Promise<void>;
  /** True if it has ended: then no warning is needed. */
  readonly hasEnded: () => boolean;
}

/**
 * Resolves when clients can find this process. If the DHT does not answer or does not take the announcement in time, logs a
 * warning and resolves too.
 */
export async function untilAnnounced(dht: Dht, { log, what, announced, hasEnded }: AnnouncementOptions): Promise<void> {
  const reached = await dht.reachable(DHT_ANSWER_MS);
  if (!reached.ok) {
    if (!hasEnded()) log.warn(`${reached.why} Nobody can find ${what} until one does.`);
    return;
  }
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  // The process may end meanwhile.
  const timer = setTimeout(resolve, ANNOUNCEMENT_MS, 'late').unref();
  const isLate = (await Promise.race([announced(), late])) === 'late';
  clearTimeout(timer);
  if (hasEnded()) return;
  if (isLate)
    log.warn(
      `The DHT has not taken the announcement within ${ANNOUNCEMENT_MS / 1_000} s. Clients may not find ${what} yet.`,
    );
  else log.debug(`Clients can find it now; ${reached.nodes} nodes of the DHT answered`);
}
