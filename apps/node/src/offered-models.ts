import type { OfferedModel } from '@shoal/formats/models';
import { type Peer, peerName } from '@shoal/network';
import type { Ability, ModelInfo } from '@shoal/protocol';
import type { StoredModelInfo } from '@shoal/host/models/stored-models';
import { printableName } from '@shoal/host/printable';

/**
 * One row per model name, whoever has it: the models that this node lends, those of peers that lend, and the `stored` ones of
 * this machine.
 */
export function offeredModels(
  own: readonly Peer[],
  peers: readonly Peer[],
  stored: readonly StoredModelInfo[] = [],
): readonly OfferedModel[] {
  const rows = new Map<string, OfferedModel>();
  const add = (peer: Peer, isOwn: boolean): void => {
    if (peer.info.lends !== true) return;
    for (const model of peer.info.models) {
      const id = printableName(model.id);
      const name = printableName(peerName(peer));
      rows.set(id, merge(rows.get(id), { ...model, id, peers: isOwn ? [] : [name], isOwn }));
    }
  };
  for (const worker of own) add(worker, true);
  for (const peer of peers) add(peer, false);
  for (const { id: name, modelPath: _path, parts: _parts, ...model } of stored) {
    const id = printableName(name);
    rows.set(id, merge(rows.get(id), { ...model, id, peers: [], isOwn: true }));
  }
  return [...rows.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

/** A request may be answered by any of the workers, so the smallest context counts, and the abilities of all of them. */
function merge(one: OfferedModel | undefined, other: OfferedModel): OfferedModel {
  if (one === undefined) return other;
  return {
    ...other,
    ...one,
    contextLength: smaller(one.contextLength, other.contextLength),
    abilities: union(one, other),
    peers: [...one.peers, ...other.peers],
    isOwn: one.isOwn || other.isOwn,
  };
}

function smaller(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}

/** Undefined, which means unknown, if a worker does not list its model's abilities. */
function union(one: ModelInfo, other: ModelInfo): readonly Ability[] | undefined {
  if (one.abilities === undefined || other.abilities === undefined) return undefined;
  return [...new Set([...one.abilities, ...other.abilities])];
}
