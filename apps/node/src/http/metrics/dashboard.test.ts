import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { traffic } from '@shoal/transport';
import { Prometheus, skipWithout } from '../../testing/prometheus.ts';
import { Metrics, type NodeFigures } from './metrics.ts';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

const PATH = join(import.meta.dirname, '../../../../../docs/grafana/shoal.json');
const { panels }: { readonly panels: readonly Panel[] } = JSON.parse(readFileSync(PATH, 'utf8'));
const FIGURES: NodeFigures = {
  queue: 0,
  workers: { free: 1, busy: 0, silent: 0 },
  traffic: traffic(),
  health: 100,
  ready: true,
};
const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

test('every metric of the Grafana dashboard is one that a node reports, and the other way round', async (t) => {
  const metrics = new Metrics({ isOffered: () => true });
  t.after(() => metrics.close());
  const text = await metrics.render(FIGURES);
  const reported = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
  const shown = expressions.flatMap((expr) =>
    [...expr.matchAll(/([a-z_0-9]+)\{/g)].map(([, name = '']) => name.replace(/_(bucket|sum|count)$/, '')),
  );
  assert.deepEqual([...new Set(shown)].toSorted(), reported.toSorted());
});

test('the panels of the Grafana dashboard have ids and titles of their own', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
});

test('Prometheus has data for every panel of the Grafana dashboard', { skip: skipWithout('prometheus') }, async (t) => {
  const metrics = new Metrics({ isOffered: () => true });
  const scrapes = new EventEmitter();
  const server = createServer((_request, response) => {
    measureRequests(metrics);
    void metrics.render(FIGURES).then((text) => {
      response.setHeader('content-type', metrics.contentType).end(text);
      scrapes.emit('scrape');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const prometheus = await Prometheus.start(`127.0.0.1:${address.port}`);
  t.after(async () => {
    await prometheus.close();
    server.close();
    metrics.close();
  });
  // A rate needs two samples, and a scrape begins once the one before it is stored.
  for (let scrape = 0; scrape < 4; scrape++) await once(scrapes, 'scrape');
  for (const expression of expressions) {
    const filled = expression.replaceAll('$__rate_interval', '1m').replaceAll(/\$(job|instance)/g, '.*');
    assert.ok((await prometheus.query(filled)) > 0, `${filled} has no data`);
  }
});

function measureRequests(metrics: Metrics): void {
  const call = { api: 'openai', operation: 'chat', model: 'tiny "quoted" \\ model' } as const;
  const request = metrics.begin(call);
  request.first();
  request.end('ok', { promptTokens: 5, completionTokens: 7 });
  metrics.begin(call).end('WORKER_LOST');
}
