import { type InferenceEvent, type InferenceRequest, isTerminal, ServerSession, ShoalError } from '@shoal/protocol';
import { donateFramer, DonateServer } from '@shoal/protocol/donate';
import { type Connection, type Exchange, Link, monotonicNow } from '@shoal/transport';
import { holdBack } from './held-back.ts';
import type { JobReport, Jobs } from './jobs.ts';
import type { Uploads } from './model-desk.ts';
import type { Service } from './service.ts';
import type { StagedModel } from './staged-model.ts';

type DonateLink = Link<ServerSession<DonateServer>>;

const NOTHING_TO_GENERATE: InferenceRequest = { input: { type: 'tokens', tokens: [] }, sampling: {}, stop: [] };

/** The connections of one door. */
export class Hall {
  readonly #service: Service;
  readonly #jobs: Jobs;
  readonly #onJob: (report: JobReport) => void;
  readonly #links = new Set<DonateLink>();

  constructor(service: Service, jobs: Jobs, onJob: (report: JobReport) => void) {
    this.#service = service;
    this.#jobs = jobs;
    this.#onJob = onJob;
  }

  get connections(): number {
    return this.#links.size;
  }

  welcome(connection: Connection): void {
    const { mode, model, models } = this.#service;
    const options = { mode, queue: () => this.#jobs.status, ...(model === undefined ? {} : { model }) };
    const session = new ServerSession(donateFramer(), (encode, nextId) => new DonateServer(encode, nextId, options));
    const link: DonateLink = new Link(holdBack(connection), session, {
      peer: () => {},
      request: (exchange) => this.#take(link, exchange, uploads),
      upload: (id, step) => uploads?.take(id, step),
      close: () => this.#links.delete(link),
    });
    const uploads = models?.uploads({
      sealed: (id, staged) => this.#mount(link, id, staged),
      failed: (id, error) => link.apply(session.respond(id, { type: 'error', error }, monotonicNow())),
    });
    this.#links.add(link);
    link.start();
  }

  #take(link: DonateLink, exchange: Exchange, uploads: Uploads | undefined): void {
    if (exchange.ended) return;
    const sealing = uploads?.sealing;
    if (sealing !== undefined) return void sealing.then(() => this.#take(link, exchange, uploads));
    const kind = exchange.request.input.type === 'tokens' ? 'infer' : 'prompt';
    const model = uploads?.model;
    this.#follow(link, exchange, kind, (followed, onStart) => this.#service.answer(followed, onStart, model));
  }

  #mount(link: DonateLink, id: number, model: StagedModel): void {
    const exchange = new MountExchange(link, id, model);
    this.#follow(link, exchange, 'mount', (followed, onStart) => this.#service.mount(followed, onStart, model));
  }

  #follow(
    link: DonateLink,
    exchange: Exchange,
    kind: JobReport['kind'],
    answer: (exchange: Exchange, onStart: () => void) => void,
  ): void {
    const from = { peer: link.connection.remote.address, kind };
    this.#jobs.take(exchange, from, {
      answer,
      waiting: () => this.#service.door.load.queued,
      onStart: (queueDepth) => link.session.side.started(exchange.id, queueDepth),
      onEnd: this.#onJob,
      onChange: () => this.#tellQueue(),
    });
  }

  /** Those who asked hear how the queue fares. */
  #tellQueue(): void {
    for (const link of this.#links) link.apply(link.session.side.queueChanged());
  }
}

/** A commit as a request that waits for its turn like any other. */
class MountExchange implements Exchange {
  readonly id: number;
  readonly request = NOTHING_TO_GENERATE;
  readonly #link: DonateLink;
  readonly #model: StagedModel;
  #isAnswered = false;

  constructor(link: DonateLink, id: number, model: StagedModel) {
    this.#link = link;
    this.id = id;
    this.#model = model;
  }

  get ended(): boolean {
    return this.#isAnswered || this.#model.isOver;
  }

  send(event: InferenceEvent): Promise<boolean> {
    if (this.ended) return Promise.resolve(false);
    this.#isAnswered = isTerminal(event);
    this.#link.apply(this.#link.session.respond(this.id, event, monotonicNow()));
    return Promise.resolve(!this.ended);
  }

  onAbort(listener: (why: ShoalError) => void): void {
    this.#model.onDiscard(() => {
      if (!this.#isAnswered) listener(ShoalError.aborted('Whoever pushed the model is gone.'));
    });
  }
}
