import type { TestNode } from '../harness/node.ts';
import type { TestNetwork } from '../harness/test-network.ts';
import { TOKEN_PREFIX } from '@shoal/host/home/token-file';
import { apiOf, checkAnswer } from './check-schemas.ts';
import { RecordingProxy } from './recording-proxy.ts';

const CLUSTER = 'sdks';
/** Slow enough that a client can leave in the middle of an answer. */
const OWN_WORDS_PER_SECOND = 500;
/** Longer than a client takes to get the first words. */
const BUSY_MS = 30_000;

/** A node whose local API is recorded. */
export interface NodeForSdks {
  /** Of the proxy in front of the node's local API, without a path. */
  readonly baseUrl: string;
  readonly node: TestNode;
  readonly proxy: RecordingProxy;
  readonly keys: Keys;
}

/** Tokens for the cases that need one. */
export interface Keys {
  /** In the form of Shoal's own tokens, but unknown to the node: 401. */
  readonly wrong: string;
  /** One request a minute is allowed: 429 after `useUp`. */
  readonly limited: string;
}

/** Starts a node that answers with its own scripted engine. */
export async function startOwn(network: TestNetwork, name: string): Promise<NodeForSdks> {
  return withProxy(await network.startScripted(name, '--words-per-second', String(OWN_WORDS_PER_SECOND)));
}

/** A node that lends nothing, and two workers of the same model. */
export interface NodeWithWorkers extends NodeForSdks {
  readonly workers: readonly TestNode[];
  /** Starts a killed worker again. */
  readonly replace: (name: string) => Promise<void>;
}

/** Starts a node that asks two workers of this speed. */
export async function startWithWorkers(
  network: TestNetwork,
  name: string,
  wordsPerSecond: number,
): Promise<NodeWithWorkers> {
  const flags = ['--cluster', CLUSTER, '--words-per-second', String(wordsPerSecond)];
  const names = [`${name}-1`, `${name}-2`];
  const [node, ...workers] = await Promise.all([
    network.start(name, '--cluster', CLUSTER),
    ...names.map((worker) => network.startScripted(worker, ...flags)),
  ]);
  await node.sees(...names);
  const replace = async (killed: string): Promise<void> => {
    workers[names.indexOf(killed)] = await network.startScripted(killed, ...flags);
    await node.sees(...names);
  };
  return { ...(await withProxy(node)), workers, replace };
}

/** Kills the worker that is answering, once this text of its answer has passed the proxy. Returns its name. */
export async function killBusy({ proxy, workers }: NodeWithWorkers, text: string): Promise<string> {
  const giveUpAt = performance.now() + BUSY_MS;
  while (performance.now() < giveUpAt) {
    for (const worker of workers) {
      if ((await worker.status()).load.active === 0 || !proxy.isPassing(text)) continue;
      worker.signal('SIGKILL');
      return worker.name;
    }
  }
  throw new Error(`No worker was answering with "${text}" within ${BUSY_MS / 1_000} s.`);
}

/** Returns the faults of all answers that the proxy has recorded since the last call. Answers that a client left are not checked. */
export function faultsOf(proxy: RecordingProxy): readonly string[] {
  return proxy.recorded
    .splice(0)
    .filter(({ wasLeft }) => !wasLeft)
    .flatMap((answer) => checkAnswer(apiOf(answer.path, answer.isAnthropic), answer));
}

/** Returns the answers that failed: those that a client may have asked for again. */
export function failuresOf({ recorded }: RecordingProxy): readonly string[] {
  return recorded
    .filter(({ status, isComplete, body, wasLeft }) => {
      return status >= 400 || body.includes('"response.failed"') || (!isComplete && !wasLeft);
    })
    .map(({ path, status, body }) => `${path} ${status} ${body.slice(-500)}`);
}

/** The only place that knows how a node's local API is found and its tokens are made. */
async function withProxy(node: TestNode): Promise<NodeForSdks> {
  const { api } = (await node.status()).addresses;
  const proxy = await RecordingProxy.open(api);
  return { baseUrl: proxy.baseUrl, node, proxy, keys: await makeKeys(node) };
}

/** Makes the tokens for the cases 401 and 429. The second one's rate is one request a minute. */
async function makeKeys(node: TestNode): Promise<Keys> {
  const created = await node.shoal(['token', 'create', '--json', '--name', 'limited', '--rate', '1']);
  return { wrong: `${TOKEN_PREFIX}${'A'.repeat(43)}`, limited: JSON.parse(created.stdout).token };
}

/** Uses up the rate of the limited token. */
export async function useUp({ baseUrl, keys }: NodeForSdks): Promise<void> {
  const response = await fetch(`${baseUrl}/v1/models`, { headers: { authorization: `Bearer ${keys.limited}` } });
  await response.arrayBuffer();
}
