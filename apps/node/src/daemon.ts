import { randomBytes } from 'node:crypto';
import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type { Engine } from '@shoal/engine';
import { keepAliveMs } from '@shoal/formats/ollama/keep-alive';
import { ShoalError } from '@shoal/protocol/error';
import { checkDoorPorts, openDoors } from '@shoal/host/doors';
import { removeApiAccess, writeApiAccess } from '@shoal/host/home/api-file';
import { loadConfiguration, type Configuration } from '@shoal/host/configuration';
import { countedLog } from '@shoal/host/counted-log';
import { EndRequest } from '@shoal/host/end-request';
import { createEngine, createStoreEngine } from '@shoal/host/engines';
import { gaugeHome } from '@shoal/host/gauge';
import { homeFiles, prepareHome, type Home } from '@shoal/host/home';
import type { NodeControl } from './api.ts';
import { checkBind } from './http/access/access.ts';
import { openApi, type Api, type ApiOptions } from './http/http.ts';
import { loadIdentity } from '@shoal/host/home/identity';
import { RunRecord } from '@shoal/host/launch';
import { TokenStore } from '@shoal/host/home/token-store';
import { createBudget } from '@shoal/host/peer-budget';
import { ModelLibrary } from '@shoal/host/models/library';
import { lockHome } from '@shoal/host/home/lock';
import { createNodeLogger, type LineSink, type Logger } from '@shoal/host/log';
import { lends, lendsIn } from './lending.ts';
import { createNode as createRealNode, type NodeOptions, type RunningNode } from './node.ts';
import { PeersFile } from './peers-file.ts';
import { RequestLog } from './requests/request-log.ts';
import type { RequestListener } from './requests/request-record.ts';
import { requestText } from './requests/request-text.ts';
import { remembering } from './remembering.ts';
import { unusedOpenGatewayKeys } from '@shoal/host/settings/file';
import type { Settings } from '@shoal/host/settings';
import { NodeState } from './state.ts';

/** Running answers have this long to complete after the node is told to stop. Then they are ended. */
const DRAIN_MS = 30_000;
const TOKEN_BYTES = 32;

type CreateNode = (options: NodeOptions) => Promise<RunningNode>;

/** Shows a node that runs in the foreground of a terminal. Its log lines are plain. */
export interface NodeTerminal extends LineSink {
  readonly requestEnded: RequestListener;
  started(node: Pick<NodeControl, 'status' | 'peers'>): void;
  /** The node ends. Running answers may still complete. */
  ended(): void;
}

export interface DaemonOptions {
  readonly home: Home;
  /** Settings from flags and the environment. */
  readonly launch: Settings;
  /** Default: plain lines on a terminal, else JSON lines, both to stderr. */
  readonly terminal?: NodeTerminal | undefined;
  /** Creates the node. Default: `createNode` of `node.ts`. */
  readonly createNode?: CreateNode | undefined;
}

/**
 * Runs a node until SIGTERM, SIGINT or a request to its API ends it. Then it refuses new requests and completes running ones
 * for up to `DRAIN_MS`. Throws if it cannot start: the home is not writable or in use, the configuration is invalid, a port
 * is in use, or the model does not load.
 */
export async function serve({ home, launch, terminal, createNode = createRealNode }: DaemonOptions): Promise<void> {
  prepareHome(home);
  const lock = await lockHome(home);
  try {
    const configuration = await loadConfiguration(home, launch);
    const state = await NodeState.load(home);
    const record = new RunRecord(home, launch, configuration);
    await new Daemon({ home, configuration, state, record, createNode, terminal }).run();
  } finally {
    await lock.release();
  }
}

interface DaemonParts {
  readonly home: Home;
  readonly configuration: Configuration;
  readonly state: NodeState;
  readonly record: RunRecord;
  readonly createNode: CreateNode;
  readonly terminal: NodeTerminal | undefined;
}

/** One run of a node in a locked home. Each method closes the resources that it opens. */
class Daemon {
  readonly #home: Home;
  readonly #configuration: Configuration;
  readonly #state: NodeState;
  readonly #record: RunRecord;
  readonly #log: Logger;
  readonly #end: EndRequest;
  readonly #createNode: CreateNode;
  readonly #terminal: NodeTerminal | undefined;
  readonly #requests: RequestLog;
  readonly #token = randomBytes(TOKEN_BYTES).toString('hex');

  constructor({ home, configuration, state, record, createNode, terminal }: DaemonParts) {
    this.#home = home;
    this.#configuration = configuration;
    this.#state = state;
    this.#record = record;
    this.#createNode = createNode;
    this.#log = createNodeLogger(configuration.logLevel, homeFiles(home).log, terminal);
    this.#terminal = terminal;
    this.#requests = new RequestLog((...ended) => this.#logRequest(...ended));
    this.#end = new EndRequest(this.#log);
  }

  /** Opens the API's port first, so that a port in use is reported before a cluster is joined or a model is loaded. */
  async run(): Promise<void> {
    const api = await openApi(this.#apiOptions());
    try {
      await this.#runWithApi(api);
    } finally {
      await api.close();
      await removeApiAccess(this.#home);
      countedLog(this.#log).flush();
      this.#end.close();
    }
  }

  /** Throws `INVALID_REQUEST` if other machines could reach the API and there is no token. */
  #apiOptions(): ApiOptions {
    const onError = ({ message }: ShoalError): void => this.#log.error(message);
    const tokens = new TokenStore(this.#home, { onError });
    checkBind(this.#configuration.host, tokens);
    return {
      settings: this.#configuration,
      token: this.#token,
      tokens,
      library: new ModelLibrary(this.#home, this.#configuration.modelFolders),
      requests: this.#requests,
      log: this.#log,
      onStop: () => this.#end.request(),
    };
  }

  async #runWithApi(api: Api): Promise<void> {
    const log = this.#log;
    // Written at each change of the peers, so that it may fail as often as they like.
    const peers = new PeersFile(this.#home, (err) =>
      countedLog(log).write('errors', 'peers.json', () => log.warn({ err }, 'peers.json could not be written')),
    );
    try {
      await this.#runWithNode(api, await this.#createNode(await this.#nodeOptions(api, peers)));
    } finally {
      await peers.close();
    }
  }

  /** Opens the engine last. The node closes it, so no step after it may fail. */
  async #nodeOptions(api: Api, peers: PeersFile): Promise<NodeOptions> {
    const {
      name,
      bootstrap,
      clusters,
      peers: addresses,
      peerToken,
      slots,
      queue,
      maxTokens,
      paddedTopic,
      autoModels,
      progressTimeout,
    } = this.#configuration;
    const joined = [...new Set([...clusters, ...this.#state.clusters.map(({ id }) => id)])];
    this.#reportUnjoined(joined);
    const unused = (await unusedOpenGatewayKeys(this.#home)).join(', ');
    if (unused !== '') this.#log.info(`The configuration has settings of OpenGateway that are not used: ${unused}`);
    const seed = await loadIdentity(this.#home);
    const resources = await gaugeHome(this.#home);
    await checkDoorPorts(this.#configuration);
    const doorOptions = { configuration: this.#configuration, home: this.#home, log: this.#log };
    const engine = await this.#openEngine();
    const store = await createStoreEngine(this.#configuration, this.#home, {
      log: this.#log,
      lentBytes: () => memoryOf(engine),
    });
    return {
      store,
      name,
      seed,
      bootstrap,
      clusters: joined,
      lendsIn: (cluster) => lendsIn(cluster, this.#configuration, this.#state.clusters),
      peers: addresses,
      ...(peerToken !== undefined && { peerToken }),
      ...(engine !== undefined && { engine, openDoors: (host) => openDoors(doorOptions, host) }),
      budget: createBudget(this.#configuration),
      limits: { slots: slots ?? engine?.abilities.slots ?? 1, queue, maxTokens },
      resources,
      paddedTopics: paddedTopic,
      apiAddress: () => api.url,
      autoModels,
      progressTimeoutMs: progressTimeout === undefined ? undefined : keepAliveMs(progressTimeout),
      requests: this.#requests,
      onPeersChange: (views) => peers.update(views),
      log: this.#log,
    };
  }

  /** A list of clusters to lend in joins none of them. */
  #reportUnjoined(joined: readonly string[]): void {
    const { lend } = this.#configuration;
    if (typeof lend !== 'object') return;
    const missing = lend.filter((id) => !joined.includes(id)).join(', ');
    if (missing !== '') this.#log.warn(`"lend" names clusters that this node is not in: ${missing}. Join them.`);
  }

  /** Undefined for a node that does not lend. */
  async #openEngine(): Promise<Engine | undefined> {
    const { model, doors } = this.#configuration;
    if (lends(this.#configuration, this.#state.clusters)) {
      return createEngine(this.#configuration, this.#home, this.#log);
    }
    const [door] = Object.keys(doors);
    if (door !== undefined) {
      throw ShoalError.invalidRequest(`The door ${door} is for answering others' prompts: open it with --lend.`);
    }
    if (model !== undefined)
      this.#log.warn('A model is configured, but this node does not lend; --lend makes it answer.');
    return undefined;
  }

  async #runWithNode(api: Api, node: RunningNode): Promise<void> {
    try {
      api.serve(remembering(node, this.#state, this.#record));
      await this.#state.setPid(process.pid);
      await this.#record.begin();
      await this.#announce(api);
      this.#log.info(`API on ${api.url}`);
      this.#terminal?.started(node);
      // A daemon may be killed after weeks, so its compiled code is saved for the next start now.
      flushCompileCache();
      // The launcher keeps the young generation of the heap small while modules load. Under load a larger one saves a sixth of
      // the processor time, because it is collected less often.
      setFlagsFromString('--semi-space-growth-factor=2');
      await this.#end.wait();
      // Before answers are completed: a node that is killed meanwhile was told to stop.
      await this.#record.end();
      api.refusePrompts();
    } finally {
      this.#terminal?.ended();
      await node.close({ drainMs: DRAIN_MS });
      // A node stops on a full disk too. Nobody depends on the id of a process that has ended.
      await this.#state
        .setPid(null)
        .catch((err: unknown) => this.#log.warn({ err }, 'state.json could not be written'));
    }
  }

  /** Tells commands where the API is. A run that nobody can reach is not one to continue. */
  async #announce({ host, port }: Api): Promise<void> {
    try {
      await writeApiAccess(this.#home, { host, port, pid: process.pid, token: this.#token });
    } catch (error) {
      await this.#record.end();
      throw error;
    }
  }

  /** Peers and programs ask as often as they like, so that their lines are counted. */
  #logRequest(...[record, request]: Parameters<RequestListener>): void {
    const log = this.#log;
    const show = this.#terminal?.requestEnded ?? (() => log.info({ request: record }, requestText(record)));
    countedLog(log).write('requests', record.who, () => show(record, request));
  }
}

/** Resolves with the memory of an engine's loaded models, in bytes; 0 if it does not report it. */
async function memoryOf(engine: Engine | undefined): Promise<number> {
  const resident = (await engine?.resident?.()) ?? [];
  return resident.reduce((sum, { memoryBytes = 0 }) => sum + memoryBytes, 0);
}
