import { type InferenceEvent, isTerminal, type ServerSession } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import {
  type DonateOutput,
  type DonateServer,
  donateServerSession,
  type QueueStatus,
  type UploadEvent,
} from '@shoal/protocol/donate';
import {
  type BudgetOption,
  type Connection,
  type Exchange,
  Link,
  monotonicNow,
  type Remote,
  type Seat,
} from '@shoal/transport';
import type { RequestObserver, RequestEnd } from '../../scheduler.ts';
import type { ConnectionUploads } from './uploads.ts';
import type { DonateBackend } from './backend.ts';
import type { StagedModel } from './staged-model.ts';

type DonateLink = Link<ServerSession<DonateServer, UploadEvent>, UploadEvent>;

const NOTHING_TO_GENERATE: InferenceRequest = { input: { type: 'tokens', tokens: [] }, sampling: {}, stop: [] };

/** Describes a finished job, for a log. */
export interface JobReport extends RequestEnd {
  /** The address of the client. */
  readonly peer: string;
  /** `mount` is the loading of a pushed model. */
  readonly kind: 'infer' | 'prompt' | 'mount';
  /** Jobs that waited when it started. */
  readonly queueDepth: number;
  /** Time since the job arrived, with its wait. */
  readonly durationMs: number;
}

export interface ConnectionsOptions extends BudgetOption {
  /** Jobs that may wait. */
  readonly capacity: number;
  readonly onJob?: ((report: JobReport) => void) | undefined;
}

/** The connections of one door. */
export class Connections {
  readonly #backend: DonateBackend;
  readonly #options: ConnectionsOptions;
  readonly #links = new Set<DonateLink>();

  constructor(backend: DonateBackend, options: ConnectionsOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  get count(): number {
    return this.#links.size;
  }

  accept(connection: Connection, seat: Seat): void {
    const { mode, model } = this.#backend;
    const session = donateServerSession({ mode, queue: () => this.#queue, model });
    const link: DonateLink = new Link(
      connection,
      session,
      {
        peer: () => {},
        request: (exchange) => {
          seat.keep();
          this.#receive(link, exchange, uploads);
        },
        extension: ({ id, step }) => uploads?.receive(id, step),
        close: () => this.#links.delete(link),
      },
      this.#options.budget,
    );
    const uploads = this.#backend.uploads?.ofConnection({
      sealed: (id, staged) => this.#mount(link, id, staged),
      failed: (id, error) => link.apply(session.side.endUpload(id, error)),
    });
    seat.keepWhile(() => uploads?.model !== undefined);
    this.#links.add(link);
    link.start();
  }

  get #queue(): QueueStatus {
    const { active, queued } = this.#backend.door.load;
    return { depth: queued, capacity: this.#options.capacity, in_progress: active > 0 };
  }

  #receive(link: DonateLink, exchange: Exchange, uploads: ConnectionUploads | undefined): void {
    const kind = exchange.request.input.type === 'tokens' ? 'infer' : 'prompt';
    const model = uploads?.model;
    const observer = this.#observer(link, exchange, kind);
    const answer = (): void => {
      if (!exchange.ended) this.#backend.answer(exchange, observer, model);
      this.#sendQueueStatus();
    };
    const sealing = uploads?.sealing;
    if (sealing === undefined) answer();
    else void sealing.then(answer);
  }

  #mount(link: DonateLink, id: number, model: StagedModel): void {
    const exchange = new MountExchange(link, id, model);
    this.#backend.mount(exchange, this.#observer(link, exchange, 'mount'), model);
    this.#sendQueueStatus();
  }

  #observer(link: DonateLink, { id }: Exchange, kind: JobReport['kind']): RequestObserver {
    const peer = link.connection.remote.address;
    const arrivedAt = monotonicNow();
    let queueDepth = 0;
    return {
      onStart: () => {
        queueDepth = this.#queue.depth;
        link.session.side.started(id, queueDepth);
        this.#sendQueueStatus();
      },
      onEnd: (end) => {
        this.#options.onJob?.({ ...end, peer, kind, queueDepth, durationMs: monotonicNow() - arrivedAt });
        // The dialect has no abort: the client has left, or does not read and would delay the jobs of all connections again.
        if (end.outcome === 'aborted' && kind !== 'mount') link.close();
        this.#sendQueueStatus();
      },
    };
  }

  /** Sends the state of the queue to the clients that have asked for it. */
  #sendQueueStatus(): void {
    for (const link of this.#links) link.apply(link.session.side.queueChanged());
  }
}

/** A commit as a request, which waits in the queue like any other. */
class MountExchange implements Exchange {
  readonly id: number;
  readonly request = NOTHING_TO_GENERATE;
  readonly remote: Remote;
  readonly #link: DonateLink;
  readonly #model: StagedModel;
  #isAnswered = false;

  constructor(link: DonateLink, id: number, model: StagedModel) {
    this.#link = link;
    this.remote = link.connection.remote;
    this.id = id;
    this.#model = model;
  }

  get ended(): boolean {
    return this.#isAnswered || this.#model.isOver;
  }

  send(event: InferenceEvent): Promise<boolean> {
    if (this.ended) return Promise.resolve(false);
    this.#isAnswered = isTerminal(event);
    this.#link.apply(this.#outputs(event));
    return Promise.resolve(!this.ended);
  }

  #outputs(event: InferenceEvent): DonateOutput[] {
    const { side } = this.#link.session;
    if (event.type === 'error') return side.endUpload(this.id, event.error);
    return event.type === 'finish' && event.reason !== 'abort' ? side.endUpload(this.id) : [];
  }

  onAbort(listener: (reason: ShoalError) => void): void {
    this.#model.onDiscard(() => {
      if (!this.#isAnswered) listener(ShoalError.aborted('The client that pushed the model is gone.'));
    });
  }
}
