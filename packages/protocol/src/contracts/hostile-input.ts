import b4a from 'b4a';
import { encodeObject, type JsonObject, parseObject } from '../json.ts';
import { FRAME_STALL_MS, MAX_BAD_MESSAGES_IN_A_ROW } from '../message-session.ts';
import type { Output, Session } from '../session.ts';
import type { Harness } from './harness.ts';
import { mutated, numbers } from './random.ts';

export interface HostileSubject {
  readonly name: string;
  /** Returns the answering end of a new connection. */
  readonly session: () => Session<unknown>;
  /** Returns the frame of a message. */
  readonly frame: (body: Uint8Array) => Uint8Array;
  /** Returns the message of a frame. */
  readonly body: (frame: Uint8Array) => Uint8Array;
  /** True if the stream may be cut anywhere. False if the transport preserves message boundaries. */
  readonly cuttable: boolean;
  /** The first message, if the dialect requires one. */
  readonly greeting?: JsonObject | undefined;
  readonly request: (id: string, prompt: string) => JsonObject;
  /** Other valid messages of a peer. */
  readonly more?: readonly JsonObject[] | undefined;
  /** Returns true for an error message. Undefined if the dialect has no errors. */
  readonly isError?: ((message: JsonObject) => boolean) | undefined;
}

const PROMPT = 'Grüße 🐟 "\\" \u2028';
const TLS_HELLO = b4a.from(`16030100f8010000f40303${'5a'.repeat(240)}`, 'hex');
const HTTP_REQUEST = b4a.from('GET /shoal/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
const MEBIBYTE = 1024 * 1024;
const MUTATIONS = 300;

/** Invalid messages. Their frames are valid. */
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

/** Hostile input that every dialect must survive. Each dialect also receives the traffic of the others. */
export function hostileInput({ test, equal }: Harness, subjects: readonly HostileSubject[]): void {
  for (const subject of subjects) {
    const { name, request } = subject;

    test(`${name}: bytes of another protocol are never read as a request, and end the connection`, () => {
      const foreign = subjects.filter((other) => other.name !== name && !isSameFormat(subject, other));
      const traffic = [TLS_HELLO, HTTP_REQUEST, noise(4_096), ...foreign.map((other) => validTraffic(other))];
      for (const bytes of traffic) {
        const outputs = new TestPeer(subject).send(bytes).wait(FRAME_STALL_MS).outputs;
        equal(outputs.filter(isRequest), []);
        equal(outputs.filter(isClose).length, 1);
      }
    });

    test(`${name}: messages of a dialect with the same framing are only invalid messages`, () => {
      for (const other of subjects.filter((one) => one.name !== name && isSameFormat(subject, one))) {
        const peer = new TestPeer(subject).greet().send(validTraffic(other)).request('own', PROMPT);
        equal(peer.requests.at(-1), PROMPT);
      }
    });

    test(`${name}: an endless frame uses no more memory than its limit, and ends the connection`, () => {
      const peer = new TestPeer(subject);
      const piece = b4a.from('{'.padEnd(MEBIBYTE, ' '));
      let sent = 0;
      while (!peer.isClosed && sent < 128) sent += peer.send(piece) === peer ? 1 : 0;
      equal(sent <= 2, true);
    });

    if (subject.cuttable) {
      test(`${name}: a request that arrives byte by byte is read unchanged`, () => {
        const peer = new TestPeer(subject).greet();
        for (const byte of subject.frame(encodeObject(request('slow', PROMPT)))) peer.send(Uint8Array.of(byte));
        equal(peer.requests, [PROMPT]);
      });

      test(`${name}: a peer may send frames without a pause, cut anywhere`, () => {
        const peer = new TestPeer(subject).greet();
        const frame = subject.frame(encodeObject(request('again', PROMPT)));
        const stream = b4a.concat(Array.from({ length: 100 }, () => frame));
        // No piece ends at the end of a frame.
        const pieceBytes = frame.length + 1;
        for (let at = 0; at + pieceBytes < stream.length; at += pieceBytes) {
          peer.send(stream.subarray(at, at + pieceBytes)).wait(1_000);
        }
        equal(peer.isClosed, false);
      });

      test(`${name}: a frame must be completed in time, even if its bytes keep arriving`, () => {
        const peer = new TestPeer(subject).greet();
        const frame = subject.frame(encodeObject(request('never', 'x'.repeat(100))));
        for (let second = 0; second * 1_000 < FRAME_STALL_MS; second += 1) {
          peer.send(frame.subarray(second, second + 1)).wait(1_000);
        }
        equal([peer.isClosed, peer.requests], [true, []]);
      });
    }

    test(`${name}: an invalid message is answered with an error if the dialect has errors, and the connection is kept`, () => {
      for (const body of WRONG_BODIES) {
        const peer = new TestPeer(subject).greet();
        const before = peer.received.length;
        peer.send(subject.frame(b4a.from(body)));
        equal([body, peer.requests.length, peer.isClosed], [body, 0, false]);
        if (subject.isError !== undefined && !isIgnored(body)) {
          equal([body, peer.received.slice(before).filter(subject.isError).length], [body, 1]);
        }
        equal(peer.request('afterwards', PROMPT).requests, [PROMPT]);
      }
      equal('polluted' in {}, false);
    });

    test(`${name}: too many invalid messages in a row end the connection, and a valid message restarts the count`, () => {
      const wrong = subject.frame(b4a.from('{"type":'));
      const valid = new TestPeer(subject).greet();
      for (let count = 1; count < MAX_BAD_MESSAGES_IN_A_ROW; count += 1) valid.send(wrong);
      valid.request('good', PROMPT).send(wrong);
      equal(valid.isClosed, false);
      const invalid = new TestPeer(subject).greet();
      for (let count = 1; count <= MAX_BAD_MESSAGES_IN_A_ROW; count += 1) invalid.send(wrong);
      equal(invalid.isClosed, true);
      equal(invalid.request('late', PROMPT).requests, []);
    });

    test(`${name}: requests with one id run once`, () => {
      const peer = new TestPeer(subject)
        .greet()
        .request('same', PROMPT)
        .request('same', PROMPT)
        .request('same', 'another');
      equal(peer.requests, [PROMPT]);
      equal(peer.request('other', PROMPT).requests.length, 2);
    });

    test(`${name}: traffic with changed, missing and added bytes causes no exception`, () => {
      const good = b4a.concat([validTraffic(subject), validTraffic(subject)]);
      const random = numbers(7);
      for (let round = 0; round < MUTATIONS; round += 1) {
        const peer = new TestPeer(subject);
        const bytes = mutated(good, random);
        const cut = random(bytes.length);
        peer.send(bytes.subarray(0, cut)).send(bytes.subarray(cut)).wait(FRAME_STALL_MS).disconnect();
        equal(peer.outputs.filter(isClose).length <= 1, true);
      }
    });
  }
}

/** True for invalid messages that some dialects ignore, such as those without a type. */
function isIgnored(body: string): boolean {
  return body === '{}' || body.includes('null') || body.includes('__proto__":{') || body.includes('"type":"prompt"');
}

/** A peer at the other end of a session. */
class TestPeer {
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

  /** The prompts of the accepted requests. */
  get requests(): string[] {
    return this.outputs.flatMap((output) => (isRequest(output) ? [promptIn(output)] : []));
  }

  /** The messages that the session sent. */
  get received(): JsonObject[] {
    return this.outputs.flatMap((output) =>
      output.type === 'send' ? [parseObject(this.#subject.body(output.bytes))] : [],
    );
  }

  greet(): this {
    const { greeting, frame } = this.#subject;
    return greeting === undefined ? this : this.send(frame(encodeObject(greeting)));
  }

  request(id: string, prompt: string): this {
    return this.send(this.#subject.frame(encodeObject(this.#subject.request(id, prompt))));
  }

  send(bytes: Uint8Array): this {
    this.outputs.push(...this.#session.receive(bytes, this.#now));
    return this;
  }

  /** Advances the clock and calls `tick` whenever it is due. */
  wait(ms: number): this {
    const until = this.#now + ms;
    while (!this.isClosed && this.#session.wakeAt <= until) {
      this.#now = Math.max(this.#now, this.#session.wakeAt);
      this.outputs.push(...this.#session.tick(this.#now));
    }
    this.#now = until;
    return this;
  }

  disconnect(): void {
    this.outputs.push(...this.#session.end());
  }
}

/** Returns the valid traffic of a peer. */
export function validTraffic({ greeting, frame, request, more = [] }: HostileSubject): Uint8Array {
  const messages = [...(greeting === undefined ? [] : [greeting]), ...more, request('1', PROMPT)];
  return b4a.concat(messages.map((message) => frame(encodeObject(message))));
}

/** True if two dialects have the same framing. */
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

/** Returns bytes that cannot begin a message. */
function noise(length: number): Uint8Array {
  const random = numbers(42);
  return Uint8Array.from({ length }, (_, index) => (index === 0 ? 0xff : random(256)));
}
