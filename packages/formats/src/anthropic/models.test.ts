import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeModelList } from './models.ts';

const SAME = {
  type: 'model',
  capabilities: null,
  deprecated_at: null,
  lifecycle: 'active',
  line: null,
  retires_at: null,
};

test('the list of models has the shape that the API has', () => {
  const own = { id: 'org/tiny:q4', peers: [], isOwn: true, contextLength: 4096, modifiedAt: 1_700_000_000_000 };
  const lent = { id: 'big', peers: ['ann'], isOwn: false };
  const names = (id: string) => ({ ...SAME, id, display_name: id });
  assert.deepEqual(writeModelList([own, lent]), {
    data: [
      { ...names('org/tiny:q4'), created_at: '2023-11-14T22:13:20.000Z', max_input_tokens: 4096, max_tokens: 4096 },
      { ...names('big'), created_at: '1970-01-01T00:00:00.000Z', max_input_tokens: null, max_tokens: null },
    ],
    has_more: false,
    first_id: 'org/tiny:q4',
    last_id: 'big',
  });
  assert.deepEqual(writeModelList([]), { data: [], has_more: false, first_id: null, last_id: null });
});
