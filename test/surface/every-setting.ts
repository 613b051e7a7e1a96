import type { Settings } from '@shoal/host/settings';

/** The type with all optional members required. */
type Every<Value> = Value extends string | number | boolean | readonly unknown[]
  ? Value
  : { [Key in keyof Value]-?: Every<Exclude<Value[Key], undefined>> };

const TOKEN = 'sixteen-characters-or-more';
const PLACE = { host: '127.0.0.1', port: 0, maxConnections: 8 };
const PEERS = { ...PLACE, allowedKeys: ['0'.repeat(64)] };

/** A configuration with every setting. The type checker fails where one is missing or unknown. */
export const EVERY_SETTING = {
  name: 'Everything',
  lend: true,
  clusters: ['surface'],
  bootstrap: ['127.0.0.1:49737'],
  engine: 'echo',
  model: 'echo',
  modelName: 'parrot',
  otherModels: ['another'],
  keepAlive: '5m',
  memoryBudget: 1.5,
  peerMemory: 64,
  modelFolders: ['models'],
  contextLength: 512,
  gpuLayers: -1,
  threads: 1,
  slots: 2,
  queue: 3,
  maxTokens: 64,
  port: 0,
  host: '127.0.0.1',
  apiHosts: ['api.example.org'],
  apiOrigins: ['https://example.org', 'vscode-webview://*'],
  requestsPerMinute: 600,
  aliases: { 'claude-*': 'parrot' },
  autoModels: ['parrot'],
  doors: {
    donate: { ...PLACE, mode: 'local_lm', queue: 4 },
    qmesh: { capacity: 5 },
    localllm: { name: 'Everything', keep: true },
    websocket: { ...PEERS, allowedOrigins: ['https://example.org'], allowedHosts: ['example.org'] },
    tcp: PEERS,
  },
  progressTimeout: '10m',
  doorToken: TOKEN,
  peerToken: `another-${TOKEN}`,
  peers: ['ws://127.0.0.1:17003/shoal/v1', 'wss://example.org/shoal/v1', 'tcp://127.0.0.1:17004'],
  opengateway: { paddedTopic: true },
  llamaServer: 'llama-server',
  ollamaUrl: '127.0.0.1:11434',
  openaiUrl: 'http://127.0.0.1:8080/v1',
  openaiKey: 'a-key',
  logLevel: 'info',
} as const satisfies Every<Settings>;
