import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import type { ChatTemplate } from './chat-template.ts';
import { templateWithTimeLimit } from './time-limit.ts';

/** Creates a template that takes `msOf(n)` milliseconds for n messages. */
function templateTaking(msOf: (messages: number) => number, refuses: (messages: number) => boolean = () => false) {
  let clock = 0;
  const template: ChatTemplate = {
    reasoning: undefined,
    render({ messages }) {
      clock += msOf(messages.length);
      if (refuses(messages.length)) throw ShoalError.invalidRequest('not like that');
      return { prompt: String(messages.length) };
    },
  };
  return { template: templateWithTimeLimit(template, () => clock), clock: () => clock };
}

const conversation = (count: number) => ({
  messages: Array.from({ length: count }, () => ({ role: 'user', content: 'hi' }) as const),
});

test('a template with linear time renders any number of messages', () => {
  const { template, clock } = templateTaking((messages) => messages / 100);
  assert.equal(template.render(conversation(4_096)).prompt, '4096');
  assert.ok(clock() < 100);
});

test('a template with cubic time is refused before it blocks other requests', () => {
  const { template, clock } = templateTaking((messages) => messages ** 3 / 25_000);
  assert.throws(() => template.render(conversation(4_095)), { code: 'INVALID_REQUEST', message: /Send \d+ at most/ });
  assert.ok(clock() < 5_000, `${clock()} ms`);
  assert.equal(template.render(conversation(100)).prompt, '100');
});

test('a conversation is rendered even if the template refuses its beginning', () => {
  const { template } = templateTaking(
    () => 1,
    (messages) => messages < 200,
  );
  assert.equal(template.render(conversation(300)).prompt, '300');
});
