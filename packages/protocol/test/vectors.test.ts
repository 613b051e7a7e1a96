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

  test(`${name}: two sessions have the recorded conversation`, (context) => {
    context.assert.fileSnapshot(hold(begin()), file, { serializers: [toLines] });
  });

  for (const side of ['client', 'worker'] as const) {
    test(`${name}: the ${side} takes what was recorded of the other side, and says what was recorded of it`, async () => {
      replay(begin(), side, fromLines(await readFile(file, 'utf8')));
    });
  }
}

/** Both sides greet, then take their turns; whatever is said is heard, and replied to, before the next turn. */
function hold(conversation: Conversation): Line[] {
  const spoken: Line[] = [];
  const unheard: Line[] = [];
  const say = (from: Role, outputs: Output<unknown>[]): void => {
    unheard.push(...sentMessages(outputs).map((message) => ({ from, message })));
  };
  const settle = (): void => {
    for (let line = unheard.shift(); line !== undefined; line = unheard.shift()) {
      spoken.push(line);
      const hearer = line.from === 'client' ? 'worker' : 'client';
      say(hearer, conversation[hearer].receive(encodeLine(line.message)));
    }
  };
  say('client', conversation.client.start());
  say('worker', conversation.worker.start());
  settle();
  for (const { by, act } of conversation.turns) {
    say(by, act());
    settle();
  }
  return spoken;
}

/** One side alone against the recording. It takes its next turn where the recording has it speak unasked. */
function replay(conversation: Conversation, side: Role, recorded: readonly Line[]): void {
  const turns = conversation.turns.filter(({ by }) => by === side).values();
  const said = sentMessages(conversation[side].start());
  for (const { from, message } of recorded) {
    if (from === side) {
      if (said.length === 0) said.push(...sentMessages(turns.next().value?.act() ?? []));
      assert.deepEqual(said.shift(), message);
    } else {
      said.push(...sentMessages(conversation[side].receive(encodeLine(message))));
    }
  }
  assert.deepEqual(said, []);
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
