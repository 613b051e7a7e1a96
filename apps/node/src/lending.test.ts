import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lends, lendsIn } from './lending.ts';

const KEPT = [{ id: 'told', lend: true }, { id: 'joined', lend: false }, { id: 'old' }];
const CLUSTERS = ['named', 'told', 'joined', 'old', 'listed', 'new'];

function lendingIn(lend: boolean | readonly string[] | undefined): readonly string[] {
  return CLUSTERS.filter((id) => lendsIn(id, { lend, clusters: ['named'] }, KEPT));
}

test('a node lends in a cluster only if that was said for this cluster', () => {
  assert.deepEqual(lendingIn(true), ['named', 'told', 'old']);
  assert.deepEqual(lendingIn(['listed']), ['told', 'listed']);
  assert.deepEqual(lendingIn(undefined), ['told']);
  assert.deepEqual(lendingIn(false), []);
});

test('a node opens its engine for others if it may lend anywhere', () => {
  assert.equal(lends({ lend: undefined, clusters: [] }, KEPT), true);
  assert.equal(lends({ lend: undefined, clusters: ['named'] }, [{ id: 'old' }]), false);
  assert.equal(lends({ lend: false, clusters: [] }, KEPT), false);
  assert.equal(lends({ lend: ['listed'], clusters: [] }, []), true);
});
