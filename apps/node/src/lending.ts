import type { Configuration } from '@shoal/host/configuration';
import type { KeptCluster } from './state.ts';

/** The settings that decide where a node lends. `clusters`: those of flags, variables and the configuration. */
type LendingSettings = Pick<Configuration, 'lend' | 'clusters'>;

/** True if a node needs an engine for others: it lends in a cluster, or a door may be open. */
export function lends({ lend }: LendingSettings, kept: readonly KeptCluster[]): boolean {
  return lend === undefined ? kept.some((cluster) => cluster.lend === true) : lend !== false;
}

/**
 * True if the members of a cluster may send requests to a node. It must have been said for this cluster: when it was joined, by
 * the setting's list, or by `lend: true` for a cluster that a flag or the configuration names. A cluster kept without a role
 * (by OpenGateway or version 0.1.0) has that of the node.
 */
export function lendsIn(id: string, { lend, clusters }: LendingSettings, kept: readonly KeptCluster[]): boolean {
  if (lend === false) return false;
  const own = kept.find((cluster) => cluster.id === id);
  if (own?.lend === true) return true;
  if (lend === undefined) return false;
  if (lend !== true) return lend.includes(id);
  return clusters.includes(id) || (own !== undefined && own.lend === undefined);
}
