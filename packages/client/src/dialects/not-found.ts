import { ShoalError } from '@shoal/protocol/error';
import type { Dht } from '@shoal/transport/dht';

/** The DHT must answer within this time when a search has found no peer. */
const DHT_ANSWER_MS = 2_000;

/** Returns the error of a search without a result: `message`, or the reason if the DHT itself does not answer. */
export async function notFoundError(dht: Dht, message: string): Promise<ShoalError> {
  const reached = await dht.reachable(DHT_ANSWER_MS);
  return new ShoalError('HOST_OFFLINE', reached.ok ? message : reached.why);
}
