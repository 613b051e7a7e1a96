import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isObject, type JsonObject } from '../src/json.ts';
import type { Output } from '../src/index.ts';
import { type Conversation, encodeLine, type Role, sentMessages } from './dialects/conversation.ts';
import { DIALECTS } from './dialects/index.ts';

/*
 * Two real sessions hold the conversations in vectors/, which are the examples of docs/protocols/. After an intended
 * change: node --test --test-update-snapshots packages/protocol/test/vectors.test.ts
 */

interface Line {
  readonly from: Role;
  readonly message: JsonObject;
}

const conversations = Object.values(DIALECTS).flatMap((dialect) => Object.entries(dialect.conversations));

for (const [name, begin] of conversations) {
  const file = join(import.meta.dirname, 'vectors', `${name}.ndjson`);

  test(`${name}: two sessions exchange the recorded messages`, (context) => {
    context.assert.fileSnapshot(record(begin()), file, { serializers: [toLines] });
  });

  for (const side of ['client', 'worker'] as const) {
    test(`${name}: the ${side} sends the recorded messages when it receives those of the other side`, async () => {
      replay(begin(), side, fromLines(await readFile(file, 'utf8')));
    });
  }
}

/** Records a conversation: both sides start, then take their turns. All replies are exchanged before the next turn. */
function record(conversation: Conversation): Line[] {
  const recorded: Line[] = [];
  const undelivered: Line[] = [];
  const send = (from: Role, outputs: Output<unknown>[]): void => {
    undelivered.push(...sentMessages(outputs).map((message) => ({ from, message })));
  };
  const settle = (): void => {
    for (let line = undelivered.shift(); line !== undefined; line = undelivered.shift()) {
      recorded.push(line);
      const receiver = line.from === 'client' ? 'worker' : 'client';
      send(receiver, conversation[receiver].receive(encodeLine(line.message)));
    }
  };
  send('client', conversation.client.start());
  send('worker', conversation.worker.start());
  settle();
  for (const { by, act } of conversation.turns) {
    send(by, act());
    settle();
  }
  return recorded;
}

/** Runs one side against the recording. It takes its next turn if the recorded message is not a reply. */
function replay(conversation: Conversation, side: Role, recorded: readonly Line[]): void {
  const turns = conversation.turns.filter(({ by }) => by === side).values();
  const replies = sentMessages(conversation[side].start());
  for (const { from, message } of recorded) {
    if (from === side) {
      if (replies.length === 0) replies.push(...sentMessages(turns.next().value?.act() ?? []));
      assert.deepEqual(replies.shift(), message);
    } else {
      replies.push(...sentMessages(conversation[side].receive(encodeLine(message))));
    }
  }
  assert.deepEqual(replies, []);
}

function toLines(value: unknown): string {
  return Array.isArray(value) ? value.map((line) => `${JSON.stringify(line)}\n`).join('') : String(value);
}

function fromLines(text: string): Line[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { from, message } = JSON.parse(line) as { from?: unknown; message?: unknown };
      assert.ok((from === 'client' || from === 'worker') && isObject(message), line);
      return { from, message };
    });
}
