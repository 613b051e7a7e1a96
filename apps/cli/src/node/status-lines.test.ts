import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusView } from '@shoal/node/api';
import { healthLines, healthRows, requestRows } from './status-lines.ts';

const NONE = { answered: 0, failed: 0, aborted: 0, refused: 0, tokens: 0 };
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
  health: 42,
  healthParts: [
    { name: 'processor', usedPercent: 95, points: 2, mostPoints: 40 },
    { name: 'memory', usedPercent: 50, points: 20, mostPoints: 40 },
    { name: 'queue', usedPercent: 0, points: 20, mostPoints: 20 },
  ],
  load: { active: 0, queued: 0, slots: 1, queueCapacity: 8 },
  models: [],
  clusters: [],
  doors: [],
  requests: {
    lastHour: { peers: NONE, programs: NONE },
    lastDay: {
      peers: { ...NONE, answered: 12, failed: 1, tokens: 3_456 },
      programs: { ...NONE, refused: 2 },
    },
  },
};

test('a low health names the part that lowers it most', () => {
  const low = 'low, mostly because of the processor; see "shoal status --health"';
  assert.deepEqual([healthRows(VIEW), healthRows({ ...VIEW, health: 60 })], [[['health', low]], []]);
});

test('the parts of the health come with advice where they are used most', () => {
  const [total, processor = '', memory] = healthLines(VIEW);
  assert.equal(total, 'health 42 of 100');
  assert.match(processor, /^processor {2}95 % used {2}2 of 40 points {3}other programs/);
  assert.equal(memory, 'memory     50 % used  20 of 40 points');
});

test('requests are shown by period, without what is 0', () => {
  assert.deepEqual(requestRows(VIEW), [
    ['last hour', 'no requests'],
    ['last day', 'peers: 12 answered, 1 failed, 3456 tokens; programs: 0 answered, 2 refused, 0 tokens'],
  ]);
});
