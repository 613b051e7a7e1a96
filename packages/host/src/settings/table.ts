import { hostname } from 'node:os';
import { DOOR_SETTINGS, HOST } from './door-table.ts';
import { type Kinds, membersOf, type SettingCommand, type SettingTable, shapeOf } from './setting.ts';

/** The engines that compute answers. `auto` is the faster of llama and llama-server on this machine. */
export const ENGINES = ['auto', 'llama', 'llama-server', 'ollama', 'openai', 'echo'] as const;

const NODE = ['serve', 'start', 'restart'] as const satisfies readonly SettingCommand[];
const ENGINE = [...NODE, 'donate', 'qmesh worker', 'share'] as const satisfies readonly SettingCommand[];
const DHT = [
  ...NODE,
  'qmesh worker',
  'qmesh ask',
  'share',
  'chat',
  'batch',
  'doctor',
] as const satisfies readonly SettingCommand[];

const HOST_AND_PORT = /^[A-Za-z0-9.-]+:\d{1,5}$/;
const PEER_ADDRESS = /^(wss?|tcp):\/\/\S+$/;

/**
 * The origin of a page as browsers send it: `scheme://host[:port]`. The host may be `*` for a scheme that only installed
 * programs use, such as `vscode-webview://*`.
 */
const ORIGIN = /^(https?:\/\/[a-z0-9.:[\]-]+|(?!https?:)[a-z][a-z0-9+.-]*:\/\/([A-Za-z0-9._:-]+|\*))$/;
/** Characters that a name of a model may have in an alias, where `*` stands for any text. */
const ALIAS = /^[^\s=]{1,128}$/;
const ALIASES = 'an object from aliases, such as "claude-*", to names of models';

const token = (is: Kinds) => is.characters(16, 1_024);

/** The settings within `opengateway`. */
export const CLUSTER_SETTINGS = {
  paddedTopic: {
    description: 'join each cluster at its padded topic too, for OpenGateway nodes that use only that topic',
    schema: (is) => is.trueOrFalse,
    default: true,
  },
} as const satisfies SettingTable;

/** All settings. docs/settings.md is generated from this table and those within it. */
export const SETTINGS = {
  name: {
    description: 'the name of this node that others see',
    schema: (is) => is.name,
    flag: '--name <name>',
    commands: NODE,
    variable: 'NODE_NAME',
    default: () => hostname(),
    unset: 'the name given with --node, else the host name',
  },
  lend: {
    description:
      'answer the prompts of others: in the clusters of flags, variables and the configuration (true), or in those listed',
    schema: (is) => is.clusterChoice,
    flag: '--serve, --lend',
    negation: { flag: '--no-lend', description: 'answer no prompts of others' },
    commands: NODE,
    variable: 'POC_SERVE',
    unset: 'only in clusters that were joined with "shoal connect ID --lend"',
  },
  clusters: {
    description: 'a cluster to join',
    schema: (is) => is.list(is.clusterId, 64, 'ids'),
    flag: '--cluster <id>',
    repeats: true,
    commands: [...NODE, 'batch'],
    variable: 'POC_CLUSTER_ID',
    listVariable: 'POC_CLUSTER_IDS',
    default: [],
    merges: true,
  },
  bootstrap: {
    description: 'an address to enter the DHT at',
    schema: (is) => is.list(is.matching(HOST_AND_PORT, '"host:port"'), 32, '"host:port"'),
    flag: '--bootstrap <host:port>',
    repeats: true,
    separator: ',',
    commands: DHT,
    variable: 'SHOAL_BOOTSTRAP',
    default: [],
    unset: 'the public nodes',
  },
  engine: {
    description: `what computes the answers: ${ENGINES.join(', ')}`,
    schema: (is) => is.oneOf(ENGINES),
    flag: '--engine <name>',
    commands: ENGINE,
    default: 'auto',
  },
  model: {
    description: 'the model to lend: a name ("shoal list" shows them), or a GGUF file',
    schema: (is) => is.text('a GGUF file, or the name of a model'),
    flag: '--model <model>',
    commands: [...ENGINE, 'engine measure'],
    variable: 'SHOAL_MODEL',
    unset: 'the demo model, or all models of Ollama or the server',
    path: 'model',
  },
  modelName: {
    description: 'the name under which the model is lent',
    schema: (is) => is.name,
  },
  otherModels: {
    description: 'another model to lend with the engine llama; it is loaded when it is first requested',
    schema: (is) => is.list(is.text('a model'), 64, 'models'),
    flag: '--other-model <model>',
    repeats: true,
    commands: NODE,
    path: 'model',
  },
  keepAlive: {
    description: 'how long a model stays in memory after its last answer, such as 5m; -1 for no limit',
    schema: (is) => is.duration,
    flag: '--keep-alive <time>',
    commands: NODE,
    variable: 'SHOAL_KEEP_ALIVE',
    // As Ollama has it.
    default: '5m',
  },
  memoryBudget: {
    description: 'the most memory for all loaded models together, in GiB',
    schema: (is) => is.positive('a number of GiB'),
    flag: '--memory-budget <GiB>',
    commands: NODE,
    unset: '80 % of the memory',
  },
  peerMemory: {
    description: 'the most memory for data that peers send and that waits or is being answered, in MiB',
    schema: (is) => is.whole(16, 65_536),
    unset: 'a 32nd of the memory, at least 64 and at most 128',
  },
  modelFolders: {
    description: 'folders of GGUF files that can be named as models',
    schema: (is) => is.list(is.text('a folder'), 64, 'folders'),
    path: 'file',
  },
  contextLength: {
    description: 'the most tokens of prompt and answer together',
    schema: (is) => is.whole(1, 16_777_216),
    flag: '--context-length <n>',
    commands: [...ENGINE, 'run'],
    unset: 'as many as the model and the memory allow',
  },
  gpuLayers: {
    description: 'layers of the model on the GPU: -1 automatic, 0 CPU only',
    schema: (is) => is.whole(-1, 1_024),
    flag: '--gpu-layers <n>',
    commands: [...ENGINE, 'run'],
    variable: 'GPU_LAYERS',
    default: -1,
  },
  threads: {
    description: 'threads for the model',
    schema: (is) => is.whole(1, 1_024),
    flag: '--threads <n>',
    commands: [...ENGINE, 'run'],
    unset: 'measured',
  },
  slots: {
    description: 'answers computed at once',
    schema: (is) => is.whole(1, 64),
    flag: '--slots <n>',
    commands: [...ENGINE, 'engine measure'],
    unset: 'chosen by the engine',
  },
  queue: {
    description: 'the most prompts that wait; more are refused with QUEUE_FULL',
    schema: (is) => is.whole(0, 10_000),
    flag: '--queue <n>',
    commands: NODE,
    default: 16,
  },
  maxTokens: {
    description: 'the most tokens of one answer for others; it then ends with the reason length',
    schema: (is) => is.whole(1, 1_048_576),
    flag: '--max-tokens <n>',
    commands: [...NODE, 'donate', 'qmesh worker'],
    default: 4_096,
  },
  port: {
    description: 'the port of the local API; 0 picks a free one',
    schema: (is) => is.whole(0, 65_535),
    flag: '--port <port>',
    commands: NODE,
    variable: 'SHOAL_PORT',
    default: 17_002,
  },
  host: {
    description:
      'the address that the local API listens on; any but a loopback address needs a token of "shoal token create"',
    schema: (is) => is.matching(HOST, 'an address or a host name'),
    flag: '--host <address>',
    commands: NODE,
    variable: 'SHOAL_HOST',
    default: '127.0.0.1',
  },
  apiHosts: {
    description: 'other host names of this machine, or of a proxy before it, that callers of the local API may use',
    schema: (is) => is.list(is.matching(HOST, 'a host name without a port'), 64, 'host names'),
    default: [],
    unset: 'none',
  },
  apiOrigins: {
    description: 'an origin of web pages that may call the local API, such as http://localhost:3000',
    schema: (is) =>
      is.list(is.matching(ORIGIN, '"https://host", "http://host:port" or "vscode-webview://*"'), 64, 'origins'),
    flag: '--origin <origin>',
    repeats: true,
    separator: ',',
    commands: NODE,
    variable: 'SHOAL_ORIGINS',
    default: [],
    unset: 'none',
  },
  requestsPerMinute: {
    description: 'the most requests per minute of one token at the local API, if the token has no rate of its own',
    schema: (is) => is.whole(1, 1_000_000),
    flag: '--rate-limit <n>',
    commands: NODE,
    unset: 'no limit',
  },
  aliases: {
    description: 'another name for a model, such as gpt-4o=qwen3; a * in the name stands for any text',
    schema: (is) => is.record(ALIAS, is.text('the name of a model'), 256, ALIASES),
    flag: '--alias <name=model>',
    repeats: true,
    commands: NODE,
    default: {},
    unset: 'none',
  },
  autoModels: {
    description: 'the models for "auto", from the lightest to the strongest',
    schema: (is) => is.list(is.text('the name of a model'), 64, 'names of models'),
    default: [],
    unset: 'all models on offer',
  },
  progressTimeout: {
    description:
      'the longest silence of an answer before another worker is asked, such as 90s; -1 for no limit; waits in queues have their own limit',
    schema: (is) => is.timeout,
    flag: '--progress-timeout <time>',
    commands: NODE,
    unset: 'at least 2 minutes, 10 for the first token, more after long prompts and at slow workers',
  },
  doors: {
    description: `open this door: ${Object.keys(DOOR_SETTINGS).join(', ')}`,
    schema: (is) => is.object(membersOf(DOOR_SETTINGS, is)),
    flag: '--door <name>',
    repeats: true,
    commands: NODE,
    default: {},
    unset: 'none',
    merges: true,
  },
  doorToken: {
    description: 'the token that peers need at the WebSocket and TCP doors of this node',
    schema: token,
    variable: 'SHOAL_WS_TOKEN',
    secret: true,
  },
  peerToken: {
    description: 'the token that this node sends to the peers that it dials; not the token of its own doors',
    schema: token,
    variable: 'SHOAL_PEER_TOKEN',
    secret: true,
  },
  peers: {
    description: 'a peer to dial without the DHT: ws://…, wss://… or tcp://…',
    schema: (is) => is.list(is.matching(PEER_ADDRESS, 'ws://…, wss://… or tcp://host:port'), 64, 'addresses'),
    flag: '--peer <address>',
    repeats: true,
    commands: [...NODE, 'batch'],
    default: [],
    merges: true,
  },
  opengateway: {
    description: 'settings of clusters',
    schema: (is) => is.object(shapeOf(CLUSTER_SETTINGS, is)),
  },
  llamaServer: {
    description: 'the program of the engine llama-server',
    schema: (is) => is.text('a program'),
    variable: 'SHOAL_LLAMA_SERVER',
    unset: 'a build by "shoal engine build", else the one in PATH',
    path: 'file',
  },
  ollamaUrl: {
    description: 'the address of Ollama',
    schema: (is) => is.text('"host:port" or an http URL'),
    variable: 'OLLAMA_HOST',
    unset: '127.0.0.1:11434',
  },
  openaiUrl: {
    description: 'the base URL of an OpenAI-compatible server; its key is OPENAI_API_KEY',
    schema: (is) => is.text('an http URL'),
    flag: '--openai-url <url>',
    commands: ENGINE,
    variable: 'OPENAI_BASE_URL',
  },
  openaiKey: {
    description: 'the key of the OpenAI-compatible server',
    schema: (is) => is.characters(1, 4_096),
    variable: 'OPENAI_API_KEY',
    secret: true,
  },
  logLevel: {
    description: 'the least severe messages that are logged',
    schema: (is) => is.oneOf(['debug', 'info', 'warn', 'error']),
    default: 'info',
  },
} as const satisfies SettingTable;

export type SettingName = keyof typeof SETTINGS;
