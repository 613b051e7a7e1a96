/**
 * Opens 1,000 streams within two seconds and measures the memory of the node for each, the delay of its event loop, and that
 * all of them end properly. Each answer comes at the speed of a model, so that all are open at the same time.
 *
 *   node bench/api-streams.ts [--rounds 5] [--json]
 */
import { setTimeout as wait } from 'node:timers/promises';
import { TestNetwork } from '../test/harness/test-network.ts';
import { HttpConnection, requestBytes } from './api/load.ts';
import { memoryOf } from './api/memory.ts';
import { type EchoNode, startEchoNode } from './api/start.ts';
import { benchOptions, type Figure, median, report } from './report.ts';

const TOKENS_PER_SECOND = 5;
const KIB = 1_024;
const PATH = '/v1/chat/completions';
const LOOP_DELAY = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m;
const END = 'data: [DONE]';

const options = benchOptions(5);
const STREAMS = options.size(1_000, 20);
const WORDS = options.size(60, 5);
/** Time between the beginnings of two streams. */
const APART_MS = 2;
/** All streams are open after this time, and none has ended. */
const OPENING_MS = ((WORDS / TOKENS_PER_SECOND) * 1_000) / 2;
const WARM_UPS = options.size(1, 0);
const network = await TestNetwork.open();
try {
  const node = await startEchoNode(network, STREAMS, TOKENS_PER_SECOND);
  const rounds: Round[] = [];
  for (let round = -WARM_UPS; round < options.rounds; round++) {
    const measured = await measure(node);
    if (round >= 0) rounds.push(measured);
  }
  report('api-streams', figures(rounds), options);
} finally {
  await network.close();
}

interface Round {
  readonly heapKib: number;
  readonly residentKib: number;
  readonly loopDelayMs: number;
  readonly endedShare: number;
}

async function measure({ program, url }: EchoNode): Promise<Round> {
  const opened = await Promise.all(Array.from({ length: STREAMS }, () => HttpConnection.open(url)));
  const before = await memoryOf(program);
  // The delay is that since the last time it was read.
  await loopDelayMs(url);
  const messages = [{ role: 'user', content: 'word '.repeat(WORDS).trim() }];
  const bytes = requestBytes({ url: url + PATH, body: { model: 'echo', stream: true, messages } });
  const answers = Promise.all(
    opened.map(async (connection, index) => {
      await wait(index * APART_MS);
      return connection.request(bytes);
    }),
  );
  await wait(OPENING_MS);
  const opening = await loopDelayMs(url);
  // This stops the node to collect garbage, so the delay of that time does not count.
  const during = await memoryOf(program);
  await loopDelayMs(url);
  const ended = (await answers).filter((answer) => answer.includes(END));
  const loopDelay = Math.max(opening, await loopDelayMs(url));
  for (const connection of opened) connection.close();
  return {
    heapKib: (during.heapBytes - before.heapBytes) / KIB / STREAMS,
    residentKib: (during.residentBytes - before.residentBytes) / KIB / STREAMS,
    loopDelayMs: loopDelay,
    endedShare: ended.length / STREAMS,
  };
}

async function loopDelayMs(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(LOOP_DELAY.exec(text)?.[1]) * 1_000;
}

function figures(rounds: readonly Round[]): Figure[] {
  const row = (what: string, unit: string, read: (round: Round) => number): readonly [string, string, number[]] => [
    what,
    unit,
    rounds.map(read),
  ];
  return [
    median(...row(`ended of ${STREAMS} streams`, '', ({ endedShare }) => endedShare), { atLeast: 1 }),
    median(...row('memory of a stream, heap and buffers', 'KiB', ({ heapKib }) => heapKib), { atMost: 64 }),
    median(...row('memory of a stream, resident', 'KiB', ({ residentKib }) => residentKib)),
    median(...row('delay of the event loop, p99', 'ms', ({ loopDelayMs: ms }) => ms), { atMost: 50 }),
  ];
}
