import type { Engine } from '@shoal/engine';
import type { Home } from '@shoal/host/home';
import { printableName } from '@shoal/host/printable';
import { type InferenceEvent, type InferenceRequest, ShoalError } from '@shoal/protocol';
import { promptNode } from '../node/api-client.ts';

/** What comes while a model answers; errors are thrown. */
export type AnswerEvent =
  | Exclude<InferenceEvent, { type: 'error' }>
  | { readonly type: 'worker'; readonly name: string };

/** A model that answers: in a process of this command's own, or through the running node. */
export interface RunningModel {
  /** Resolves once it can answer, with the milliseconds that loading took; undefined where it needed none. */
  load(): Promise<number | undefined>;
  generate(request: InferenceRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>;
  close(): Promise<void>;
}

/** The model of an engine that is this command's own, and closed with it. */
export class OwnModel implements RunningModel {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async load(): Promise<number> {
    const startedAt = performance.now();
    await this.#engine.models();
    return performance.now() - startedAt;
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    for await (const event of this.#engine.generate(request, signal)) {
      if (event.type === 'error') throw event.error;
      yield event;
    }
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}

/** A model that the running node lends, which keeps it in memory. */
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

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    try {
      for await (const line of promptNode(this.#home, { request: { ...request, model: this.#id } }, signal)) {
        yield line.type === 'worker' ? { type: 'worker', name: printableName(line.name) } : line;
      }
    } catch (error) {
      // The connection was cut by us, which is how the node is told.
      if (!signal.aborted) throw error;
      yield { type: 'finish', reason: 'abort', rawReason: 'aborted' };
      return;
    }
    if (signal.aborted) yield { type: 'finish', reason: 'abort', rawReason: 'aborted' };
  }

  async close(): Promise<void> {
    // The node goes on.
  }
}

/** Whether an error means that there is no such model, as far as this machine knows. */
export function isMissing(error: unknown): boolean {
  return error instanceof ShoalError && error.code === 'MODEL_NOT_FOUND';
}
