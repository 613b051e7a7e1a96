import { type FoundLlamaServer, machineName } from '@shoal/engine/llama-server';
import { ShoalError } from '@shoal/protocol';
import { isServerFaster, type Measurement, readMeasurements, relevant } from './record.ts';
import { locateLlamaServer } from './places.ts';
import type { Home } from '../home/home.ts';
import { findLlama } from './packages.ts';
import type { EngineName } from '../settings/settings.ts';

/** Which way to run llama.cpp is taken, and why. */
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

export interface LlamaWish {
  readonly engine: EngineName;
  readonly llamaServer?: string | undefined;
}

/**
 * Which of the two runs a GGUF file: the one that is configured; with `auto` llama-server where it was measured to be faster
 * here, or where there is nothing else. Throws `INVALID_REQUEST` where the configured one is not here.
 */
export async function chooseLlama(home: Home, wish: LlamaWish, modelPath: string | undefined): Promise<LlamaChoice> {
  if (wish.engine === 'llama') return { engine: 'llama', why: 'configured' };
  const server = locateLlamaServer(home, wish.llamaServer);
  if (wish.engine === 'llama-server') {
    if (server === undefined) throw noServer();
    return { engine: 'llama-server', why: 'configured', server };
  }
  if (server === undefined) return { engine: 'llama', why: 'only one' };
  if (findLlama().binary === undefined) return { engine: 'llama-server', why: 'only one', server };
  const measurement = relevant(await readMeasurements(home), machineName(), server.path, modelPath);
  if (measurement === undefined) return { engine: 'llama', why: 'not measured' };
  return isServerFaster(measurement)
    ? { engine: 'llama-server', why: 'measured', server, measurement }
    : { engine: 'llama', why: 'measured', measurement };
}

function noServer(): ShoalError {
  return ShoalError.invalidRequest(
    'There is no llama-server here. Build one with "shoal engine build", or say where it is (llamaServer, SHOAL_LLAMA_SERVER).',
  );
}
