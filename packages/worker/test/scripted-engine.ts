import { once } from 'node:events';
import type { Engine } from '@shoal/engine';
import type { InferenceEvent, ModelInfo } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';

/** A step of a script: an event, `hang` until the signal, `crash` by throwing, or `end` without a terminal event. */
export type Step = InferenceEvent | 'hang' | 'crash' | 'end';

export const FINISH: InferenceEvent = {
  type: 'finish',
  reason: 'stop',
  rawReason: 'eos',
  usage: { promptTokens: 1, completionTokens: 2 },
};

/** An engine that runs a script, for faults that a real engine does not show on demand. */
export class ScriptedEngine implements Engine {
  readonly name = 'scripted';
  readonly abilities;
  readonly requests: InferenceRequest[] = [];
  isClosed = false;
  failed: readonly string[] = [];
  readonly #script: readonly Step[];
  readonly #closing = new AbortController();

  constructor(script: readonly Step[], slots = 1) {
    this.#script = script;
    this.abilities = { slots, resume: 'none' as const };
  }

  models(): Promise<readonly ModelInfo[]> {
    return Promise.resolve([{ id: 'scripted', digest: `sha256:${'1'.repeat(64)}` }]);
  }

  unavailable(): readonly string[] {
    return this.failed;
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    this.requests.push(request);
    for (const step of this.#script) {
      if (step === 'crash') throw new Error('a secret of the engine');
      if (step === 'end') return;
      if (step !== 'hang') {
        yield step;
        continue;
      }
      const either = AbortSignal.any([signal, this.#closing.signal]);
      if (!either.aborted) await once(either, 'abort');
      yield signal.aborted
        ? { type: 'finish', reason: 'abort', rawReason: 'signal' }
        : { type: 'error', error: ShoalError.aborted('The engine closes.') };
      return;
    }
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.#closing.abort();
    return Promise.resolve();
  }
}
