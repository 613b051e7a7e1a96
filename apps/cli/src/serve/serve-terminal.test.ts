import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { NodeControl, StatusView } from '@shoal/node/api';
import type { RequestListener } from '@shoal/node';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { ServeTerminal } from './serve-terminal.ts';

const NONE = { answered: 0, failed: 0, aborted: 0, refused: 0, tokens: 0 };
const LAST_HOUR = { peers: { ...NONE, answered: 2, tokens: 40 }, programs: { ...NONE, refused: 1 } };
const VIEW: StatusView = {
  name: 'NodeA',
  id: '00'.repeat(32),
  version: '0.0.0',
  pid: 1,
  addresses: { api: '', dht: '' },
  state: 'ready',
  problems: [],
  uptimeSeconds: 1,
  lends: true,
  health: 80,
  healthParts: [],
  load: { active: 1, queued: 0, slots: 4, queueCapacity: 8 },
  models: [],
  clusters: [],
  doors: [],
  requests: { lastHour: LAST_HOUR, lastDay: LAST_HOUR },
};
const NODE: Pick<NodeControl, 'status' | 'peers'> = { status: () => VIEW, peers: () => [] };
const SUMMARY = '1 of 4 running, 0 waiting; last hour: 2 answered, 1 refused, 40 tokens; 0 peers; health 80';

const record: Parameters<RequestListener>[0] = {
  from: 'peer',
  who: 'NodeB (1a2b3c4d)',
  via: 'clusters',
  model: 'tiny',
  outcome: 'answered',
  tokens: 3,
  durationMs: 200,
};
const request: InferenceRequest = { input: promptInput(`one\ntwo\u001b ${'x'.repeat(300)}`), sampling: {}, stop: [] };

/** Returns what a terminal shows of a log line, the start of the node, a request, and the node's end. */
function shown(t: TestContext, showsPrompts: boolean): string {
  let written = '';
  const stream = { isTTY: true, columns: 200, write: (text: string) => void (written += text) };
  const now = (): number => new Date(2026, 10, 21, 9, 4, 5).getTime();
  const terminal = new ServeTerminal({ stream, showsPrompts, now });
  t.after(() => terminal.ended());
  terminal.write('Listening\n');
  terminal.started(NODE);
  terminal.requestEnded(record, request);
  terminal.ended();
  terminal.requestEnded(record, request);
  return written.replaceAll('\r\u001b[K', '<');
}

test('requests are lines above a summary, without their prompts', (t) => {
  const line = '09:04:05 NodeB (1a2b3c4d) asked tiny: 3 tokens, answered after 0.2 s (clusters)\n';
  assert.equal(shown(t, false), `Listening\n<${SUMMARY}<${line}<${SUMMARY}<${line}`);
});

test('prompts are shown only if asked for, on one line, cut and without control characters', (t) => {
  assert.match(shown(t, true), /\(clusters\)\n {2}one two x{191}…\n/);
});
