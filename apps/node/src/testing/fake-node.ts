import type { WorkerChosen } from '@shoal/client';
import type { InferenceEvent, ModelInfo } from '@shoal/protocol';
import type { OfferedModel } from '@shoal/formats/models';
import { ShoalError } from '@shoal/protocol/error';
import { RequestLog } from '../requests/request-log.ts';
import type {
  ClusterView,
  DoorView,
  NodeControl,
  PromptRequest,
  ResidentModelView,
  StatusView,
  WorkerCounts,
} from '../api.ts';

type Event = WorkerChosen | InferenceEvent;

/** A node without a network: it answers each prompt with the events that it was given. */
export class FakeNode implements NodeControl {
  readonly joined = new Set<string>();
  readonly prompts: PromptRequest[] = [];
  /** Resolves when the client has left before the end. */
  readonly left = Promise.withResolvers<void>();
  events: () => Iterable<Event> = () => [];
  /** After its events the answer stays open until the client leaves. */
  isEndless = false;
  given = 0;
  offered: readonly OfferedModel[] = [];
  /** The models that it lends. */
  lent: readonly ModelInfo[] = [];
  doors: readonly DoorView[] = [];
  failed: readonly string[] = [];
  /** The models in memory. Default: the engine cannot list them. */
  resident: readonly ResidentModelView[] | undefined;

  status(): StatusView {
    return {
      name: 'FakeNode',
      id: '00'.repeat(32),
      version: '0.0.0',
      pid: process.pid,
      addresses: { api: '', dht: '' },
      state: 'ready',
      problems: [],
      uptimeSeconds: 1,
      lends: false,
      health: 100,
      healthParts: [],
      load: { active: 0, queued: 0, slots: 0, queueCapacity: 0 },
      models: this.lent,
      doors: this.doors,
      requests: new RequestLog().periods,
      clusters: this.clusters(),
    };
  }

  unavailable(): readonly string[] {
    return this.failed;
  }

  clusters(): readonly ClusterView[] {
    return [...this.joined].map((id) => ({ id, role: 'using', peers: 0 }));
  }

  async join(id: string): Promise<ClusterView> {
    this.joined.add(id);
    return { id, role: 'using', peers: 0 };
  }

  async leave(id: string): Promise<void> {
    if (!this.joined.delete(id)) throw ShoalError.invalidRequest(`Not in ${id}.`);
  }

  peers(cluster?: string): readonly [] {
    if (cluster !== undefined && !this.joined.has(cluster)) throw ShoalError.invalidRequest(`Not in ${cluster}.`);
    return [];
  }

  workers(): WorkerCounts {
    return { free: 0, busy: 0, silent: 0 };
  }

  modelsChanged(): Promise<void> {
    return Promise.resolve();
  }

  models(): readonly OfferedModel[] {
    return this.offered;
  }

  async loaded(): Promise<readonly ResidentModelView[]> {
    if (this.resident === undefined) throw ShoalError.invalidRequest('The engine does not tell.');
    return this.resident;
  }

  prompt(request: PromptRequest): AsyncIterable<Event> {
    this.prompts.push(request);
    const events = this.events()[Symbol.iterator]();
    const { left, isEndless } = this;
    const ended = { done: true, value: undefined } as const;
    return {
      [Symbol.asyncIterator]: () => ({
        next: async (): Promise<IteratorResult<Event, undefined>> => {
          const next = events.next();
          if (next.done !== true) {
            this.given += 1;
            return next;
          }
          if (isEndless) await left.promise;
          return ended;
        },
        return: async () => {
          left.resolve();
          return ended;
        },
      }),
    };
  }
}
