import { isNamed, type ModelInfo } from '@shoal/protocol';
import type { JsonObject } from '@shoal/protocol/json';
import type { ResidentModel } from '../engine.ts';
import { countIn, objectsIn, textIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';
import { failures } from './errors.ts';

/** Enough for a list, which Ollama sends at once. */
const RESIDENT_TIMEOUT_MS = 10_000;
/** A model that Ollama keeps for longer counts as kept without limit, for which Ollama reports a date in some hundred years. */
const STAYS_AFTER_MS = 365 * 24 * 60 * 60 * 1000;
const HTTP_OK = 200;

export interface KnownModels {
  readonly infos: readonly ModelInfo[];
  /** Open requests of this engine, by model id. */
  readonly active: ReadonlyMap<string, number>;
}

/** Lists the models in Ollama's memory (`api/ps`), also those loaded by others. Throws `OLLAMA_NOT_FOUND`. */
export async function listResident(
  server: ModelServer,
  address: URL,
  known: KnownModels,
  signal: AbortSignal,
): Promise<readonly ResidentModel[]> {
  const { status, object } = await server.requestObject({ path: 'api/ps', signal, timeoutMs: RESIDENT_TIMEOUT_MS });
  if (status !== HTTP_OK || !Array.isArray(object?.['models'])) {
    throw failures.notOllama(address, `api/ps answered with ${status}`);
  }
  return objectsIn(object, 'models').flatMap((loaded) => {
    const id = textIn(loaded, 'name');
    return id === undefined ? [] : [residentModel(id, loaded, known)];
  });
}

/** The digest of `api/ps` is that of the manifest; that of the model file is in the model's description. */
function residentModel(id: string, loaded: JsonObject, { infos, active }: KnownModels): ResidentModel {
  const digest = infos.find((info) => isNamed(info, id))?.digest;
  const memoryBytes = countIn(loaded, 'size');
  const contextLength = countIn(loaded, 'context_length');
  const requests = active.get(id) ?? 0;
  const leavesInMs = requests > 0 ? undefined : timeLeft(textIn(loaded, 'expires_at'));
  return {
    id,
    ...(digest !== undefined && { digest }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(countIn(loaded, 'size_vram') === 0 && { device: 'cpu' }),
    ...(contextLength !== undefined && contextLength > 0 && { contextLength }),
    active: requests,
    ...(leavesInMs !== undefined && { leavesInMs }),
  };
}

/** Ollama reports a time of day, so this depends on the clocks of both machines. */
function timeLeft(expiresAt: string | undefined): number | undefined {
  const left = Date.parse(expiresAt ?? '') - Date.now();
  return Number.isNaN(left) || left > STAYS_AFTER_MS ? undefined : Math.max(0, left);
}
