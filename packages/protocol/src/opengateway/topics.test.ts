import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '../error.ts';
import { checkClusterId, hashedTopic, paddedTopic } from './topics.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('the topics of gatewayai-poc are those of OpenGateway', () => {
  assert.equal(hex(hashedTopic('gatewayai-poc')), '5ac9152241dc04ae0dcbf1229d94bdebb7a35d1577947fa731e55a01b9fc130b');
  assert.equal(hex(paddedTopic('gatewayai-poc')), '6761746577617961692d706f6300000000000000000000000000000000000000');
});

test('a padded topic is cut at 32 bytes, so long ids can share a topic', () => {
  const long = 'x'.repeat(32);
  assert.deepEqual(paddedTopic(`${long}a`), paddedTopic(`${long}b`));
  assert.notDeepEqual(hashedTopic(`${long}a`), hashedTopic(`${long}b`));
});

test('a cluster id has 1 to 255 bytes of UTF-8 and no control characters', () => {
  for (const id of ['a', 'gatewayai-poc', 'grüße', '🐟'.repeat(63), 'x'.repeat(255)]) checkClusterId(id);
  for (const id of ['', 'x'.repeat(256), '🐟'.repeat(64), 'a\nb', '\u0000', '\u007f', '\u0085', '\ud800']) {
    assert.throws(
      () => checkClusterId(id),
      (error) => error instanceof ShoalError && error.code === 'INVALID_REQUEST',
    );
  }
});
