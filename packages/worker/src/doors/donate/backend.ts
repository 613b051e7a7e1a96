import type { Engine } from '@shoal/engine';
import type { InferenceEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { Mode } from '@shoal/protocol/donate';
import type { Exchange } from '@shoal/transport';
import type { DoorPolicy, RequestObserver, Scheduler } from '../../scheduler.ts';
import type { Worker, WorkerQueue } from '../../worker.ts';
import { Uploads, type UploadsOptions } from './uploads.ts';
import type { StagedModel } from './staged-model.ts';

/** The source of the answers: the node's own engine for prompts, or models that clients push. */
export type DonateBackendOptions =
  | { readonly mode: 'local_lm'; readonly worker: Worker }
  | ({ readonly mode: 'model_push'; readonly scheduler: Scheduler } & UploadsOptions);

/** The part of the door that answers jobs, in either mode. */
export interface DonateBackend {
  readonly mode: Mode;
  /** The name of the model that answers prompts. */
  readonly model?: string | undefined;
  readonly door: Pick<WorkerQueue, 'load' | 'outcomes'>;
  /** Undefined if the mode is `local_lm`. */
  readonly uploads?: Uploads | undefined;
  /** Answers a job. `model` is the pushed model that it is for. */
  answer(exchange: Exchange, observer: RequestObserver, model: StagedModel | undefined): void;
  /** Loads a pushed model and ends the exchange. */
  mount(exchange: Exchange, observer: RequestObserver, model: StagedModel): void;
  close(): Promise<void>;
}

export async function openBackend(options: DonateBackendOptions, policy: DoorPolicy): Promise<DonateBackend> {
  return options.mode === 'local_lm' ? ownModel(options.worker, policy) : pushedModels(options, policy);
}

function ownModel(worker: Worker, policy: DoorPolicy): DonateBackend {
  const door = worker.openQueue(policy);
  const [model] = worker.models;
  return {
    mode: 'local_lm',
    ...(model === undefined ? {} : { model: model.id }),
    door,
    answer: (exchange, observer) => door.answer(exchange, observer),
    mount: (exchange) =>
      void exchange.send({ type: 'error', error: ShoalError.invalidRequest('this node accepts no models') }),
    close: () => Promise.resolve(),
  };
}

async function pushedModels(
  { scheduler, ...options }: Extract<DonateBackendOptions, { mode: 'model_push' }>,
  policy: DoorPolicy,
): Promise<DonateBackend> {
  const uploads = await Uploads.open(options);
  const door = scheduler.openQueue(policy);
  return {
    mode: 'model_push',
    door,
    uploads,
    answer: (exchange, observer, model) => door.answer(exchange, () => uploads.load(model), observer),
    mount: (exchange, observer, model) =>
      door.answer(exchange, async () => (await uploads.load(model), LOADED), observer),
    close: () => uploads.close(),
  };
}

/** The engine that answers the exchange of a `mount` once the model is loaded. */
const LOADED: Engine = {
  name: 'loaded',
  abilities: { slots: 1, resume: 'none' },
  models: () => Promise.resolve([]),
  async *generate(): AsyncGenerator<InferenceEvent> {
    yield { type: 'finish', reason: 'stop', rawReason: 'loaded' };
  },
  close: () => Promise.resolve(),
};
