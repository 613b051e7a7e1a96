import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answersNoMessages, lendingProblem, unavailableProblem } from './lent-models.ts';

const CHAT = { id: 'chat', abilities: ['messages', 'prompt', 'tokens'] } as const;
const RAW = { id: 'raw', abilities: ['prompt', 'tokens'] } as const;
const EMBEDDING = { id: 'vectors', abilities: ['embeddings', 'count'] } as const;
const UNKNOWN = { id: 'any' };

test('a model that generates and takes no messages is a problem, and named', () => {
  assert.match(lendingProblem([CHAT, RAW]) ?? '', /answers no messages: raw\./);
  for (const models of [[CHAT], [EMBEDDING], [UNKNOWN], []]) assert.equal(lendingProblem(models), undefined);
});

test('models whose process has failed are a problem, and named', () => {
  assert.match(unavailableProblem(['chat', 'raw']) ?? '', /failed .*: chat, raw\./);
  assert.equal(unavailableProblem([]), undefined);
});

test('a node answers no messages if none of its models does and one generates', () => {
  for (const models of [[RAW], [RAW, EMBEDDING]]) assert.equal(answersNoMessages(models), true);
  for (const models of [[RAW, CHAT], [RAW, UNKNOWN], [EMBEDDING], []]) assert.equal(answersNoMessages(models), false);
});
