import { ShoalError } from '@shoal/protocol';
import type { Dht } from '@shoal/transport/dht';

/** How long the DHT may take to answer, once nobody was found on it. */
const DHT_ANSWER_MS = 2_000;

/** Why nobody was found: the DHT itself, where none of its nodes answers, and what is given otherwise. */
export async function nobodyOn(dht: Dht, otherwise: string): Promise<ShoalError> {
  const reached = await dht.reachable(DHT_ANSWER_MS);
  return new ShoalError('HOST_OFFLINE', reached.ok ? otherwise : reached.why);
}
