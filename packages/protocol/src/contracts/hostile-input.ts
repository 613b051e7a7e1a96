import b4a from 'b4a';
import { encodeObject, type JsonObject, parseObject } from '../json.ts';
import { FRAME_STALL_MS, MAX_BAD_MESSAGES_IN_A_ROW } from '../message-session.ts';
import type { Output, Session } from '../session.ts';
import type { Harness } from './harness.ts';

export interface HostileSubject {
  readonly name: string;
  /** A new connection's answering end. */
  readonly session: () => Session<unknown>;
  /** A message's bytes as this dialect carries them. */
  readonly frame: (body: Uint8Array) => Uint8Array;
  /** Takes a frame apart again. */
  readonly body: (frame: Uint8Array) => Uint8Array;
  /** Whether the stream may be cut anywhere; false where the transport keeps messages whole. */
  readonly cuttable: boolean;
  /** What must come before all else, if anything must. */
  readonly greeting?: JsonObject | undefined;
  readonly request: (id: string, prompt: string) => JsonObject;
  /** What a well-behaved peer may say beside it. */
  readonly more?: readonly JsonObject[] | undefined;
  /** Whether a message is the dialect's error; absent: it has none, and is silent. */
  readonly isError?: ((message: JsonObject) => boolean) | undefined;
}

const PROMPT = 'Grüße 🐟 "\\" \u2028';
const TLS_HELLO = b4a.from(`16030100f8010000f40303${'5a'.repeat(240)}`, 'hex');
const HTTP_REQUEST = b4a.from('GET /shoal/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
const MEBIBYTE = 1024 * 1024;
const MUTATIONS = 300;

/** Messages that are wrong in themselves, in a frame that is not. */
const WRONG_BODIES = [
  '{"type":"prompt"',
  '{"type":"\u0001"}',
  '{}',
  ' {"type":7}',
  '{"type":null}',
  '{"type":"no_such_type"}',
  '{"type":"__proto__"}',
  '{"type":"constructor","prototype":{}}',
  '{"__proto__":{"type":"prompt","polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`,
  `{"type":"prompt","a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
  '{"type":"prompt","type":"hello","type":"no_such_type"}',
  `{"type":"prompt","request_id":"\\ud800"}`,
];

/** What no dialect may be upset by, whatever a peer sends. Each is fed with the others' traffic too. */
export function hostileInput({ test, equal }: Harness, subjects: readonly HostileSubject[]): void {
  for (const subject of subjects) {
    const { name, request } = subject;

    test(`${name}: bytes of another protocol are never taken for a request, and the connection does not outlive them`, () => {
      const foreign = subjects.filter((other) => other.name !== name && !isSameFormat(subject, other));
      const traffic = [TLS_HELLO, HTTP_REQUEST, noise(4_096), ...foreign.map((other) => talk(other))];
      for (const bytes of traffic) {
        const outputs = new Visitor(subject).send(bytes).wait(FRAME_STALL_MS).outputs;
        equal(outputs.filter(isRequest), []);
        equal(outputs.filter(isClose).length, 1);
      }
    });

    test(`${name}: a neighbour's messages in its own format are wrong messages and no more`, () => {
      for (const other of subjects.filter((one) => one.name !== name && isSameFormat(subject, one))) {
        const visitor = new Visitor(subject).greet().send(talk(other)).ask('own', PROMPT);
        equal(visitor.requests.at(-1), PROMPT);
      }
    });

    test(`${name}: a frame that never ends costs no more than its limit, and ends the connection`, () => {
      const visitor = new Visitor(subject);
      const piece = b4a.from('{'.padEnd(MEBIBYTE, ' '));
      let sent = 0;
      while (!visitor.isClosed && sent < 128) sent += visitor.send(piece) === visitor ? 1 : 0;
      equal(sent <= 2, true);
    });

    if (subject.cuttable) {
      test(`${name}: a request that drips in is the same request, wherever its characters are cut`, () => {
        const visitor = new Visitor(subject).greet();
        for (const byte of subject.frame(encodeObject(request('slow', PROMPT)))) visitor.send(Uint8Array.of(byte));
        equal(visitor.requests, [PROMPT]);
      });

      test(`${name}: a peer that sends one frame after the other, cut anywhere, may do so for as long as it likes`, () => {
        const visitor = new Visitor(subject).greet();
        const frame = subject.frame(encodeObject(request('again', PROMPT)));
        const stream = b4a.concat(Array.from({ length: 100 }, () => frame));
        // No piece ends where a frame does.
        const pieceBytes = frame.length + 1;
        for (let at = 0; at + pieceBytes < stream.length; at += pieceBytes) {
          visitor.send(stream.subarray(at, at + pieceBytes)).wait(1_000);
        }
        equal(visitor.isClosed, false);
      });

      test(`${name}: a frame that has begun ends in time, however its bytes drip`, () => {
        const visitor = new Visitor(subject).greet();
        const frame = subject.frame(encodeObject(request('never', 'x'.repeat(100))));
        for (let second = 0; second * 1_000 < FRAME_STALL_MS; second += 1) {
          visitor.send(frame.subarray(second, second + 1)).wait(1_000);
        }
        equal([visitor.isClosed, visitor.requests], [true, []]);
      });
    }

    test(`${name}: a wrong message is told so where the dialect can, and the connection goes on`, () => {
      for (const body of WRONG_BODIES) {
        const visitor = new Visitor(subject).greet();
        const before = visitor.said.length;
        visitor.send(subject.frame(b4a.from(body)));
        equal([body, visitor.requests.length, visitor.isClosed], [body, 0, false]);
        if (subject.isError !== undefined && !isIgnored(body)) {
          equal([body, visitor.said.slice(before).filter(subject.isError).length], [body, 1]);
        }
        equal(visitor.ask('afterwards', PROMPT).requests, [PROMPT]);
      }
      equal('polluted' in {}, false);
    });

    test(`${name}: so many wrong messages in a row end the connection, and a good one in between saves it`, () => {
      const wrong = subject.frame(b4a.from('{"type":'));
      const patient = new Visitor(subject).greet();
      for (let count = 1; count < MAX_BAD_MESSAGES_IN_A_ROW; count += 1) patient.send(wrong);
      patient.ask('good', PROMPT).send(wrong);
      equal(patient.isClosed, false);
      const hasty = new Visitor(subject).greet();
      for (let count = 1; count <= MAX_BAD_MESSAGES_IN_A_ROW; count += 1) hasty.send(wrong);
      equal(hasty.isClosed, true);
      equal(hasty.ask('too late', PROMPT).requests, []);
    });

    test(`${name}: one id is one run`, () => {
      const visitor = new Visitor(subject).greet().ask('same', PROMPT).ask('same', PROMPT).ask('same', 'another');
      equal(visitor.requests, [PROMPT]);
      equal(visitor.ask('other', PROMPT).requests.length, 2);
    });

    test(`${name}: traffic with bytes changed, lost and added upsets nobody`, () => {
      const good = b4a.concat([talk(subject), talk(subject)]);
      const random = numbers(7);
      for (let round = 0; round < MUTATIONS; round += 1) {
        const visitor = new Visitor(subject);
        const bytes = mutated(good, random);
        const cut = random(bytes.length);
        visitor.send(bytes.subarray(0, cut)).send(bytes.subarray(cut)).wait(FRAME_STALL_MS).leave();
        equal(visitor.outputs.filter(isClose).length <= 1, true);
      }
    });
  }
}

/** Bad for some dialects and nothing at all for others: what has no type may be skipped in silence. */
function isIgnored(body: string): boolean {
  return body === '{}' || body.includes('null') || body.includes('__proto__":{') || body.includes('"type":"prompt"');
}

/** A peer at the other end of a session. */
class Visitor {
  readonly outputs: Output<unknown>[] = [];
  readonly #subject: HostileSubject;
  readonly #session: Session<unknown>;
  #now = 0;

  constructor(subject: HostileSubject) {
    this.#subject = subject;
    this.#session = subject.session();
    this.outputs.push(...this.#session.start(0));
  }

  get isClosed(): boolean {
    return this.outputs.some(isClose);
  }

  /** The prompts of the requests that were taken. */
  get requests(): string[] {
    return this.outputs.flatMap((output) => (isRequest(output) ? [promptIn(output)] : []));
  }

  /** What was said to it. */
  get said(): JsonObject[] {
    return this.outputs.flatMap((output) =>
      output.type === 'send' ? [parseObject(this.#subject.body(output.bytes))] : [],
    );
  }

  greet(): this {
    const { greeting, frame } = this.#subject;
    return greeting === undefined ? this : this.send(frame(encodeObject(greeting)));
  }

  ask(id: string, prompt: string): this {
    return this.send(this.#subject.frame(encodeObject(this.#subject.request(id, prompt))));
  }

  send(bytes: Uint8Array): this {
    this.outputs.push(...this.#session.receive(bytes, this.#now));
    return this;
  }

  /** Lets time pass, and has the session do what is due. */
  wait(ms: number): this {
    const until = this.#now + ms;
    while (!this.isClosed && this.#session.wakeAt <= until) {
      this.#now = Math.max(this.#now, this.#session.wakeAt);
      this.outputs.push(...this.#session.tick(this.#now));
    }
    this.#now = until;
    return this;
  }

  leave(): void {
    this.outputs.push(...this.#session.end());
  }
}

/** What a well-behaved peer of a dialect says first. */
function talk({ greeting, frame, request, more = [] }: HostileSubject): Uint8Array {
  const messages = [...(greeting === undefined ? [] : [greeting]), ...more, request('1', PROMPT)];
  return b4a.concat(messages.map((message) => frame(encodeObject(message))));
}

/** Two dialects whose frames look alike: only what is in them tells them apart. */
function isSameFormat(left: HostileSubject, right: HostileSubject): boolean {
  const probe = b4a.from('{"a":1}');
  return b4a.equals(left.frame(probe), right.frame(probe));
}

type Request = Extract<Output<unknown>, { type: 'request' }>;

function isRequest(output: Output<unknown>): output is Request {
  return output.type === 'request';
}

function isClose(output: Output<unknown>): boolean {
  return output.type === 'close';
}

function promptIn({ request: { input } }: Request): string {
  return input.type === 'messages' ? (input.messages[0]?.content ?? '') : input.type;
}

/** The same each time: a linear congruential generator of numbers below a bound. */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return (state >> 8) % Math.max(1, bound);
  };
}

/** Never the beginning of a message. */
function noise(length: number): Uint8Array {
  const random = numbers(42);
  return Uint8Array.from({ length }, (_, index) => (index === 0 ? 0xff : random(256)));
}

function mutated(bytes: Uint8Array, random: (bound: number) => number): Uint8Array {
  const at = random(bytes.length);
  const length = random(4);
  switch (random(3)) {
    case 0:
      return b4a.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 1:
      return b4a.concat([bytes.subarray(0, at), Uint8Array.from({ length }, () => random(256)), bytes.subarray(at)]);
    default:
      return Uint8Array.from(bytes, (byte, index) => (index === at ? random(256) : byte));
  }
}
