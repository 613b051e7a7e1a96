/**
 * Measures how long one message of a peer keeps this thread busy: the texts of 1 MiB that are the slowest to parse of those
 * that are accepted, and the largest requests of `shoal/1`, read up to the request. It is the processor time of the thread:
 * other load on the machine does not count.
 *
 *   node bench/parse.ts [--rounds 9] [--json]
 */
import { ndjsonFramer } from '@shoal/protocol';
import { parseObject } from '@shoal/protocol/json';
import { HELLO, workerSession } from '../packages/protocol/test/dialects/peer-session.ts';
import { costlyMessage, SHAPES } from './json-shapes.ts';
import { benchOptions, type Figure, median, report } from './report.ts';

const MICROSECONDS = 1_000;
const LONGEST_MS = 25;

const options = benchOptions(9);
const BYTES = options.size(1024 * 1024, 16 * 1024);
const GREETING = Buffer.from(`${JSON.stringify(HELLO)}\n`);
const figures: Figure[] = [];
for (const [what, shape] of Object.entries(SHAPES)) {
  const bytes = costlyMessage(shape, BYTES);
  figures.push(measured(`parse: ${what}`, () => parseObject(bytes)));
}
for (const [what, message] of Object.entries(requests())) {
  const bytes = Buffer.from(`${JSON.stringify({ type: 'inference_request', request_id: '1', ...message })}\n`);
  figures.push(
    measured(`request: ${what}`, () => {
      const session = workerSession(ndjsonFramer(2 * BYTES), true);
      session.receive(GREETING, 0);
      const outputs = session.receive(bytes, 0);
      if (!outputs.some(({ type }) => type === 'request')) throw new Error(`${what} was refused.`);
    }),
  );
}
report('parse', figures, options);

function measured(what: string, task: () => void): Figure {
  const samples = Array.from({ length: options.rounds }, () => {
    const before = process.threadCpuUsage();
    task();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / MICROSECONDS;
  });
  return median(what, 'ms', samples, { atMost: LONGEST_MS });
}

/** The largest requests that are accepted, each for another reader. */
function requests(): Readonly<Record<string, object>> {
  const room = BYTES - 256;
  const some = <Item>(count: number, item: (index: number) => Item): Item[] =>
    Array.from({ length: count }, (_, index) => item(index));
  const messages = Math.min(4_096, Math.floor(room / 256));
  return {
    'one prompt': { prompt: 'x'.repeat(room) },
    messages: { messages: some(messages, () => ({ role: 'user', content: 'x'.repeat(200) })) },
    'token ids': { tokens: some(room / 2, () => 1) },
    'resumed text': { prompt: 'x', raw: true, resume: { text: 'x'.repeat(room), tokens: [] } },
    'resumed tokens': { prompt: 'x', raw: true, resume: { text: '', tokens: some(room / 2, () => 1) } },
    tools: {
      prompt: 'x',
      tools: some(Math.min(128, Math.floor(room / 8_192)), (tool) => ({
        name: `tool_${tool}`,
        parameters: {
          type: 'object',
          properties: Object.fromEntries(
            some(50, (field) => [`field_${field}`, { type: 'string', description: 'x'.repeat(100) }]),
          ),
        },
      })),
    },
    'texts to embed': { embed: some(Math.min(2_048, Math.floor(room / 503)), () => 'x'.repeat(500)) },
  };
}
