import type { Engine } from '@shoal/engine';
import type { Home } from '@shoal/host/home';
import { printableName } from '@shoal/host/printable';
import type { InferenceEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { promptNode } from '../node/api-client.ts';

/** An event of an answer. Errors are thrown instead. */
export type RunEvent = Exclude<InferenceEvent, { type: 'error' }> | { readonly type: 'worker'; readonly name: string };

/** A model of an engine of this command, or of the running node. */
export interface RunningModel {
  /** Loads the model and returns the milliseconds; undefined if nothing had to be loaded. */
  load(): Promise<number | undefined>;
  generate(request: InferenceRequest, signal: AbortSignal): AsyncIterable<RunEvent>;
  close(): Promise<void>;
}

/** A model of an engine that this command started, and closes. */
export class LocalModel implements RunningModel {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async load(): Promise<number> {
    const startedAt = performance.now();
    await this.#engine.models();
    return performance.now() - startedAt;
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<RunEvent> {
    for await (const event of this.#engine.generate(request, signal)) {
      if (event.type === 'error') throw event.error;
      yield event;
    }
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}

/** A model that the running node lends and keeps in memory. */
export class NodeModel implements RunningModel {
  readonly #home: Home;
  readonly #id: string;

  constructor(home: Home, id: string) {
    this.#home = home;
    this.#id = id;
  }

  async load(): Promise<undefined> {
    return undefined;
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<RunEvent> {
    try {
      for await (const line of promptNode(this.#home, { request: { ...request, model: this.#id } }, signal)) {
        yield line.type === 'worker' ? { type: 'worker', name: printableName(line.name) } : line;
      }
    } catch (error) {
      // The abort closed the connection, which cancels the prompt at the node.
      if (!signal.aborted) throw error;
      yield { type: 'finish', reason: 'abort', rawReason: 'aborted' };
      return;
    }
    if (signal.aborted) yield { type: 'finish', reason: 'abort', rawReason: 'aborted' };
  }

  async close(): Promise<void> {
    // The node keeps running.
  }
}

/** True for the error of a model that is not stored on this machine. */
export function isMissing(error: unknown): boolean {
  return error instanceof ShoalError && error.code === 'MODEL_NOT_FOUND';
}
