import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { traffic } from '@shoal/transport';
import { programOf, skipWithout } from '../../testing/prometheus.ts';
import { type MeasuredCall, Metrics, type NodeFigures } from './metrics.ts';

const FIGURES: NodeFigures = {
  queue: 3,
  workers: { free: 1, busy: 2, silent: 0 },
  traffic: { tcp: { received: 10, sent: 20 }, memory: { received: 0, sent: 0 } },
  health: 87.5,
  ready: true,
};
const CHAT: MeasuredCall = { api: 'openai', operation: 'chat', model: 'tiny' };
const USAGE = { promptTokens: 100, completionTokens: 11 };
const LABELS = 'gen_ai_operation_name="chat",gen_ai_request_model="tiny"';

function open(t: TestContext, isOffered = (model: string): boolean => model.startsWith('tiny')) {
  const clock = { now: 5_000 };
  const metrics = new Metrics({ isOffered, now: () => clock.now });
  t.after(() => metrics.close());
  return { metrics, clock };
}

/** The values by series, as Prometheus reads them. */
async function scrape(metrics: Metrics, figures = FIGURES): Promise<ReadonlyMap<string, number>> {
  const lines = (await metrics.render(figures)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('an answered request is measured from its arrival to its first token and to its end', async (t) => {
  const { metrics, clock } = open(t);
  const request = metrics.begin(CHAT);
  clock.now += 250;
  request.first();
  for (let token = 0; token < 11; token++) request.token(1);
  request.first();
  clock.now += 500;
  request.end('ok', USAGE);
  request.end('INTERNAL');
  const found = await scrape(metrics);
  const values = {
    [`gen_ai_server_request_duration_seconds_sum{${LABELS}}`]: 0.75,
    [`gen_ai_server_request_duration_seconds_count{${LABELS}}`]: 1,
    [`gen_ai_server_time_to_first_token_seconds_sum{${LABELS}}`]: 0.25,
    [`gen_ai_server_time_per_output_token_seconds_sum{${LABELS}}`]: 0.05,
    [`gen_ai_client_token_usage_sum{${LABELS},gen_ai_token_type="input"}`]: 100,
    [`gen_ai_client_token_usage_sum{${LABELS},gen_ai_token_type="output"}`]: 11,
    'shoal_requests_total{api="openai",outcome="ok"}': 1,
    shoal_requests_active: 0,
  };
  for (const [series, value] of Object.entries(values)) assert.equal(found.get(series), value, series);
  assert.ok(![...found.keys()].some((series) => series.includes('error_type')));
});

test('a failed request has the code of its error, and a cancelled one has none', async (t) => {
  const { metrics } = open(t);
  metrics.begin(CHAT).end('QUEUE_FULL');
  const cancelled = metrics.begin({ ...CHAT, api: 'ollama' });
  cancelled.first();
  cancelled.token(3);
  cancelled.end('cancelled');
  metrics.begin({ ...CHAT, operation: 'embeddings' });
  const found = await scrape(metrics);
  const duration = `gen_ai_server_request_duration_seconds_count{${LABELS}`;
  assert.equal(found.get(`${duration},error_type="QUEUE_FULL"}`), 1);
  assert.equal(found.get(`${duration}}`), 1);
  assert.equal(found.get('shoal_requests_total{api="openai",outcome="QUEUE_FULL"}'), 1);
  assert.equal(found.get('shoal_requests_total{api="ollama",outcome="cancelled"}'), 1);
  assert.equal(found.get(`gen_ai_client_token_usage_sum{${LABELS},gen_ai_token_type="output"}`), 3);
  assert.equal(found.get('shoal_requests_active'), 1);
});

test('an answer of one token has no time between tokens', async (t) => {
  const { metrics } = open(t);
  const request = metrics.begin(CHAT);
  request.first();
  request.end('ok', { promptTokens: 1, completionTokens: 1 });
  const found = await scrape(metrics);
  assert.ok(![...found.keys()].some((series) => series.startsWith('gen_ai_server_time_per_output_token')));
});

test('only models on offer have a label, and only so many of them', async (t) => {
  const { metrics } = open(t);
  for (const model of ['tiny', 'nonsense', '', 'a"b\n{}']) metrics.begin({ ...CHAT, model }).end('ok');
  for (let index = 0; index < 200; index++) metrics.begin({ ...CHAT, model: `tiny-${index}` }).end('ok');
  const found = await scrape(metrics);
  const count = 'gen_ai_server_request_duration_seconds_count';
  const labelled = [...found.keys()].filter((series) => series.startsWith(count));
  assert.equal(labelled.length, 65);
  assert.equal(found.get(`${count}{gen_ai_operation_name="chat",gen_ai_request_model="other"}`), 3 + 200 - 63);
});

test('the state of the node is that of the scrape', async (t) => {
  const { metrics } = open(t);
  await metrics.render(FIGURES);
  const found = await scrape(metrics, { ...FIGURES, ready: false });
  const values = {
    shoal_queue_depth: 3,
    'shoal_workers{state="free"}': 1,
    'shoal_workers{state="busy"}': 2,
    'shoal_workers{state="silent"}': 0,
    'shoal_transport_bytes_total{transport="tcp",direction="received"}': 10,
    'shoal_transport_bytes_total{transport="tcp",direction="sent"}': 20,
    shoal_node_health: 87.5,
    shoal_node_ready: 0,
  };
  for (const [series, value] of Object.entries(values)) assert.equal(found.get(series), value, series);
  assert.ok((found.get('process_resident_memory_bytes') ?? 0) > 1_000_000);
  assert.ok((found.get('nodejs_eventloop_lag_p99_seconds') ?? -1) >= 0);
  assert.ok((found.get('nodejs_active_resources') ?? -1) >= 0);
});

test('Prometheus accepts the metrics', { skip: skipWithout('promtool') }, async (t) => {
  const { metrics } = open(t);
  const request = metrics.begin({ ...CHAT, model: 'tiny "quoted" \\ model' });
  request.first();
  request.end('ok', USAGE);
  metrics.begin(CHAT).end('WORKER_LOST');
  const input = await metrics.render({ ...FIGURES, traffic: traffic() });
  const { status, stdout, stderr } = spawnSync(programOf('promtool'), ['check', 'metrics'], {
    input,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
});
