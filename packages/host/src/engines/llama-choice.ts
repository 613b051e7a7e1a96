import { type FoundLlamaServer, machineName } from '@shoal/engine/llama-server';
import { ShoalError } from '@shoal/protocol/error';
import { isServerFaster, type Measurement, readMeasurements, relevantMeasurement } from './record.ts';
import { locateLlamaServer } from './places.ts';
import type { Home } from '../home/home.ts';
import { findLlama } from './packages.ts';
import type { EngineName } from '../settings/settings.ts';

/** One of the two ways to run llama.cpp, and the reason for it. */
export type LlamaChoice =
  | {
      readonly engine: 'llama';
      readonly why: 'configured' | 'only one' | 'not measured' | 'measured';
      readonly measurement?: Measurement | undefined;
    }
  | {
      readonly engine: 'llama-server';
      readonly why: 'configured' | 'only one' | 'measured';
      readonly server: FoundLlamaServer;
      readonly measurement?: Measurement | undefined;
    };

export interface LlamaRequest {
  readonly engine: EngineName;
  readonly llamaServer?: string | undefined;
}

/**
 * Chooses between the engines llama and llama-server: the configured one, or with `auto` llama-server if it was measured to be
 * faster on this machine or llama is not installed. Throws `INVALID_REQUEST` if the configured one is not installed.
 */
export async function chooseLlama(
  home: Home,
  request: LlamaRequest,
  modelPath: string | undefined,
): Promise<LlamaChoice> {
  if (request.engine === 'llama') return { engine: 'llama', why: 'configured' };
  const server = locateLlamaServer(home, request.llamaServer);
  if (request.engine === 'llama-server') {
    if (server === undefined) throw noServer();
    return { engine: 'llama-server', why: 'configured', server };
  }
  if (server === undefined) return { engine: 'llama', why: 'only one' };
  if (findLlama().binary === undefined) return { engine: 'llama-server', why: 'only one', server };
  const measurement = relevantMeasurement(await readMeasurements(home), machineName(), server.path, modelPath);
  if (measurement === undefined) return { engine: 'llama', why: 'not measured' };
  return isServerFaster(measurement)
    ? { engine: 'llama-server', why: 'measured', server, measurement }
    : { engine: 'llama', why: 'measured', measurement };
}

function noServer(): ShoalError {
  return ShoalError.invalidRequest(
    'There is no llama-server here. Build one with "shoal engine build", or set its path (llamaServer, SHOAL_LLAMA_SERVER).',
  );
}
