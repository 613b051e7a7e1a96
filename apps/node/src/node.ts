import { type Cancellation, generate, type GenerateOptions, Generation, type GenerationEvent } from '@shoal/client';
import type { Engine } from '@shoal/engine';
import { Network, type SelfDescription, VERSION } from '@shoal/network';
import type { StoreEngine } from '@shoal/host/engines/store-engine';
import { countedLog } from '@shoal/host/counted-log';
import { isNamed, type PeerStatus } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { Budget } from '@shoal/transport';
import { createDht, type Dht } from '@shoal/transport/dht';
import {
  type HealthInputs,
  healthParts,
  healthScore,
  type LendingLimits,
  memoryUse,
  type OpenDoor,
  processorUse,
  type Resources,
  Worker,
} from '@shoal/worker';
import { openClusterDoor } from '@shoal/worker/clusters';
import type {
  ClusterView,
  DoorView,
  NodeControl,
  PeerView,
  PromptRequest,
  ResidentModelView,
  StatusView,
  WorkerCounts,
} from './api.ts';
import type { OfferedModel } from '@shoal/formats/models';
import { lendingProblem, unavailableProblem } from './lent-models.ts';
import { offeredModels } from './offered-models.ts';
import type { DoorHost } from '@shoal/host/doors';
import { OwnModels } from './own-models.ts';
import { PeersLine } from './peers-line.ts';
import type { RequestLog } from './requests/request-log.ts';
import { connectToSelf, type OwnWorker } from './own-worker.ts';
import { clusterView, countWorkers, peerView } from './views.ts';

/** The interval at which processor use is measured, and the DHT is checked while no peer is connected. */
const CHECK_INTERVAL_MS = 5_000;
const DHT_ANSWER_MS = 3_000;

/** The log lines that a node writes; a pino logger is one. */
interface NodeLog {
  info(fields: object, line: string): void;
  info(line: string): void;
  warn(fields: object, line: string): void;
  warn(line: string): void;
}

export interface NodeOptions {
  readonly name: string;
  /** 32 bytes from which the node's key pair is derived. */
  readonly seed: Uint8Array;
  /** `host:port` of the DHT's bootstrap nodes. Empty: the public ones. */
  readonly bootstrap: readonly string[];
  readonly clusters: readonly string[];
  /** Returns true for a cluster in which the node lends, if it has an engine and nothing else is said. Default: all. */
  readonly lendsIn?: ((cluster: string) => boolean) | undefined;
  /** `ws:`, `wss:` and `tcp:` addresses of peers to dial. */
  readonly peers?: readonly string[] | undefined;
  /** The token that is shown to them. */
  readonly peerToken?: string | undefined;
  /** Undefined: this node does not lend. The node closes it. */
  readonly engine?: Engine | undefined;
  /** Runs any model of this machine for the node's own requests. The node closes it. */
  readonly store?: StoreEngine | undefined;
  readonly limits: LendingLimits;
  /** The memory and the time for the data of peers. Default: one of the default size. */
  readonly budget?: Budget | undefined;
  readonly resources?: Resources | undefined;
  /** Opens the doors of a node that lends. */
  readonly openDoors?: ((host: DoorHost) => Promise<readonly OpenDoor[]>) | undefined;
  /** True: OpenGateway's padded topics are joined as well as the hashed ones. */
  readonly paddedTopics: boolean;
  /** Returns the address of the local API, for `status`. */
  readonly apiAddress: () => string;
  /** The user's models for `auto`, from the lightest to the strongest. */
  readonly autoModels?: readonly string[] | undefined;
  /** The longest silence of an answer, in milliseconds, before another worker is asked. Infinity: no limit. Default: adaptive. */
  readonly progressTimeoutMs?: number | undefined;
  /** Counts requests, for `status`. */
  readonly requests: RequestLog;
  readonly onPeersChange?: ((peers: readonly PeerView[]) => void) | undefined;
  readonly log: NodeLog;
}

/** Starts a node: its DHT, its worker if it lends, and its clusters. Rejects if the engine cannot load its model. */
export async function createNode(options: NodeOptions): Promise<RunningNode> {
  const node = new RunningNode(options);
  try {
    await node.start();
    return node;
  } catch (thrown) {
    await node.close({ drainMs: 0 });
    throw thrown;
  }
}

export class RunningNode implements NodeControl {
  readonly #options: NodeOptions;
  readonly #budget: Budget;
  readonly #dht: Dht;
  readonly #network: Network;
  readonly #processorUse = processorUse();
  readonly #startedAt = performance.now();
  #cpuPercent = 0;
  #checkTimer: ReturnType<typeof setInterval> | undefined;
  #dhtProblem: string | undefined;
  #worker: Worker | undefined;
  #self: OwnWorker | undefined;
  readonly #ownModels: OwnModels | undefined;
  #doors: readonly OpenDoor[] = [];
  readonly #peersLine: PeersLine;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#peersLine = new PeersLine(options.log);
    this.#budget = options.budget ?? new Budget();
    this.#dht = createDht({ bootstrap: options.bootstrap });
    this.#network = new Network({
      dht: this.#dht,
      seed: options.seed,
      paddedTopics: options.paddedTopics,
      peers: options.peers,
      token: options.peerToken,
      budget: this.#budget.door(),
      describe: () => this.#describe(),
      status: () => this.#status(),
      ...(options.engine === undefined ? {} : { onRequest: (exchange) => this.#worker?.queue.answer(exchange) }),
      onPeersChange: () => this.#peersChanged(),
    });
    const { store, name } = options;
    const onError = (error: ShoalError): void => this.#logError(error);
    this.#ownModels = store && new OwnModels({ engine: store, key: this.#network.key, name, onError });
  }

  async start(): Promise<void> {
    const { engine, limits, log } = this.#options;
    if (engine !== undefined) {
      this.#worker = await Worker.create({
        engine,
        limits,
        health: (queueSize, queueCapacity) => this.#health(queueSize, queueCapacity),
        onChange: () => this.#loadChanged(),
        onError: (error) => this.#logError(error),
        onEnd: (ended) => this.#options.requests.peerEnded(ended, (key) => this.#peerName(key)),
      });
      this.#self = this.#connectToSelf(this.#worker);
      log.info({ models: this.#worker.models }, lendingLine(this.#worker, limits));
      const problem = lendingProblem(this.#worker.models);
      if (problem !== undefined) log.warn(problem);
      await this.#openDoors(this.#worker);
    }
    void this.#ownModels?.refresh();
    this.#checkTimer = setInterval(() => this.#check(), CHECK_INTERVAL_MS);
    this.#check();
    for (const cluster of this.#options.clusters) await this.join(cluster);
    log.info('Listening for peers');
  }

  status(): StatusView {
    const { active, queued, slots, health } = this.#status();
    const lending = lendingProblem(this.#worker?.models ?? []);
    const unavailable = unavailableProblem(this.unavailable());
    const problems = [this.#dhtProblem, this.#network.problem?.message, lending, unavailable].filter(
      (problem) => problem !== undefined,
    );
    const { host, port } = this.#dht.native.address() ?? { host: '', port: 0 };
    return {
      name: this.#options.name,
      id: this.#network.key,
      version: VERSION,
      pid: process.pid,
      addresses: { api: this.#options.apiAddress(), dht: `${host}:${port}` },
      state: problems.length === 0 ? 'ready' : 'degraded',
      problems,
      uptimeSeconds: this.#uptimeSeconds,
      lends: this.#worker !== undefined,
      health: Math.round(health),
      healthParts: healthParts(this.#healthInputs(active + queued, slots + (this.#worker?.queueCapacity ?? 1))),
      load: { active, queued, slots, queueCapacity: this.#worker?.queueCapacity ?? 0 },
      models: this.#worker?.models ?? [],
      clusters: this.clusters(),
      doors: this.#doorViews(),
      requests: this.#options.requests.periods,
    };
  }

  unavailable(): readonly string[] {
    return this.#worker?.unavailable ?? [];
  }

  clusters(): readonly ClusterView[] {
    return this.#network.clusters.map((id) => this.#clusterView(id));
  }

  async join(cluster: string, lend?: boolean): Promise<ClusterView> {
    if (lend === true && this.#worker === undefined) {
      throw ShoalError.invalidRequest('This node does not lend. Restart it with --lend, then connect again.');
    }
    const isNew = this.#network.joinedAt(cluster) === undefined;
    const asBefore = isNew ? (this.#options.lendsIn?.(cluster) ?? true) : this.#network.lendsIn(cluster);
    this.#network.join(cluster, { lends: lend ?? asBefore });
    if (isNew) this.#options.log.info({ cluster }, `Joined cluster ${cluster}`);
    return this.#clusterView(cluster);
  }

  async leave(cluster: string): Promise<void> {
    if (!(await this.#network.leave(cluster))) throw this.#notJoined(cluster);
    this.#options.log.info({ cluster }, `Left cluster ${cluster}`);
  }

  peers(cluster?: string): readonly PeerView[] {
    if (cluster !== undefined) this.#mustBeJoined(cluster);
    return this.#network.peers(cluster).map((peer) => peerView(peer, this.#network.clusters));
  }

  workers(): WorkerCounts {
    return countWorkers(this.#network.peers(), Date.now());
  }

  models(): readonly OfferedModel[] {
    const own = this.#self === undefined ? [] : [this.#self];
    return offeredModels(own, this.#network.peers(), this.#ownModels?.known);
  }

  modelsChanged(): Promise<void> {
    return this.#ownModels?.refresh() ?? Promise.resolve();
  }

  async loaded(): Promise<readonly ResidentModelView[]> {
    const { engine, store } = this.#options;
    const [lent, own] = await Promise.all([engine?.resident?.(), store?.resident()]);
    if (lent !== undefined || engine === undefined) return [...(lent ?? []), ...(own ?? [])];
    throw ShoalError.invalidRequest(`The engine of this node (${engine.name}) does not report its models in memory.`);
  }

  prompt(asked: PromptRequest): AsyncIterable<GenerationEvent> {
    const { cluster } = asked;
    if (cluster !== undefined) this.#mustBeJoined(cluster);
    return new Generation((cancellation) => this.#generate(asked, cancellation));
  }

  /** Refuses new requests, waits at most `drainMs` for running ones, and leaves the network. Safe to call twice. */
  async close({ drainMs }: { readonly drainMs: number }): Promise<void> {
    clearInterval(this.#checkTimer);
    await this.#worker?.scheduler.drain(drainMs);
    // Requests that still run end with the engine's error, which is sent before the connections close.
    await Promise.all([this.#options.engine?.close(), this.#ownModels?.close(drainMs)]);
    this.#self?.link.close();
    await Promise.all([...this.#doors.map((door) => door.close()), this.#network.close()]);
    await this.#worker?.scheduler.drained();
    await this.#dht.close();
  }

  async #openDoors(worker: Worker): Promise<void> {
    const clusters = openClusterDoor({ network: this.#network, worker });
    const host = { dht: this.#dht, worker, hello: () => this.#network.hello(), budget: this.#budget };
    this.#doors = [clusters, ...((await this.#options.openDoors?.(host)) ?? [])];
  }

  #generate(
    { request, cluster, progressTimeoutMs = this.#options.progressTimeoutMs }: PromptRequest,
    cancellation: Cancellation,
  ): AsyncGenerator<GenerationEvent, undefined> {
    const { model } = request;
    // A model may have been pulled by another program since the last look.
    const isUnknown = model !== undefined && !this.models().some((offered) => isNamed(offered, model));
    const options: GenerateOptions = {
      network: this.#network,
      request,
      random: Math.random,
      cluster,
      own: this.#ownWorkers(request, cluster),
      autoModels: this.#options.autoModels,
      prepare: isUnknown ? () => this.modelsChanged() : undefined,
      progressTimeoutMs,
    };
    return generate(options, cancellation);
  }

  /** The models of this machine that are not lent answer only requests that name one, or `auto`. */
  #ownWorkers({ model }: InferenceRequest, cluster: string | undefined): readonly OwnWorker[] {
    const lent = this.#self === undefined ? [] : [this.#self];
    if (this.#ownModels === undefined || model === undefined || cluster !== undefined) return lent;
    return [...lent, this.#ownModels.worker];
  }

  #logError({ code, cause, message }: ShoalError): void {
    const { log } = this.#options;
    countedLog(log).write('errors', code, () => log.warn({ code, cause: causeText(cause) }, message));
  }

  #connectToSelf(worker: Worker): OwnWorker {
    return connectToSelf({
      key: this.#network.key,
      name: this.#options.name,
      models: () => worker.models,
      slots: worker.slots,
      answer: (exchange) => worker.ownQueue.answer(exchange),
    });
  }

  #loadChanged(): void {
    for (const door of this.#doors) door.loadChanged?.();
  }

  #doorViews(): readonly DoorView[] {
    return this.#doors.map((door) => ({ name: door.name, address: door.address, ...door.status() }));
  }

  #describe(): SelfDescription {
    const { name, resources } = this.#options;
    const worker = this.#worker;
    return {
      name,
      lends: worker !== undefined,
      models: worker?.models ?? [],
      ...(worker === undefined ? {} : { capacity: { slots: worker.slots, queue: worker.queueCapacity } }),
      ...(resources === undefined ? {} : { hardware: hardwareOf(resources) }),
    };
  }

  #status(): PeerStatus {
    return this.#worker?.status() ?? { health: this.#health(0, 1), active: 0, queued: 0, slots: 0 };
  }

  #health(queueSize: number, queueCapacity: number): number {
    return Math.round(healthScore(this.#healthInputs(queueSize, queueCapacity)).score);
  }

  #healthInputs(queueSize: number, queueCapacity: number): HealthInputs {
    return { cpuPercent: this.#cpuPercent, memoryPercent: memoryUse(), queueSize, queueCapacity };
  }

  #peerName(key: string): string | undefined {
    return this.#network.peers().find((peer) => peer.key === key)?.info.name;
  }

  get #uptimeSeconds(): number {
    return Math.floor((performance.now() - this.#startedAt) / 1000);
  }

  #clusterView(id: string): ClusterView {
    const isLending = this.#worker !== undefined && this.#network.lendsIn(id);
    return clusterView(id, isLending, this.#network.peers(id).length);
  }

  #check(): void {
    this.#cpuPercent = this.#processorUse() ?? this.#cpuPercent;
    if (this.#network.peers().length > 0) {
      this.#dhtProblem = undefined;
      return;
    }
    void this.#dht.reachable(DHT_ANSWER_MS).then((reachability) => {
      const before = this.#dhtProblem;
      this.#dhtProblem = reachability.ok ? undefined : `${reachability.why} See: shoal doctor`;
      if (before === undefined && this.#dhtProblem !== undefined) this.#options.log.warn(this.#dhtProblem);
    });
  }

  #peersChanged(): void {
    const views = this.peers();
    this.#options.onPeersChange?.(views);
    this.#peersLine.update(views);
  }

  #mustBeJoined(cluster: string): void {
    if (this.#network.joinedAt(cluster) === undefined) throw this.#notJoined(cluster);
  }

  #notJoined(cluster: string): ShoalError {
    const joined = this.#network.clusters;
    const known = joined.length === 0 ? 'It is in none.' : `It is in: ${joined.join(', ')}.`;
    return ShoalError.invalidRequest(`This node is not in cluster ${cluster}. ${known}`);
  }
}

/** Returns the message of an error, which the log would omit because it is not an own enumerable field. */
function causeText(cause: unknown): unknown {
  return cause instanceof Error ? cause.message : cause;
}

function hardwareOf({ cpu_cores, ram_gb, gpu_vram_gb }: Resources): NonNullable<SelfDescription['hardware']> {
  return { cpu_cores, ram_gb, gpu_vram_gb: gpu_vram_gb ?? undefined };
}

function lendingLine(worker: Worker, { maxTokens }: LendingLimits): string {
  const models = worker.models.map(({ id }) => id).join(', ');
  return `Lending ${models}: ${worker.slots} at once, ${worker.queueCapacity} waiting, ${maxTokens} tokens an answer`;
}
