import { fileURLToPath } from 'node:url';
import type { Program } from '../harness/program.ts';
import type { TestNetwork } from '../harness/test-network.ts';

const WORKER = fileURLToPath(new URL('./fixture-worker.mjs', import.meta.url));
const CLIENT = fileURLToPath(new URL('./fixture-client.mjs', import.meta.url));

export interface Message {
  readonly type: string;
  readonly requestId?: unknown;
  readonly [field: string]: unknown;
}

export interface FixtureEvent {
  readonly event: 'ready' | 'met' | 'left' | 'message';
  readonly peer: string;
  readonly worker_id?: string | undefined;
  readonly message?: Message | undefined;
}

/** A running QMesh program that prints one document per line. */
class Fixture {
  readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  get events(): FixtureEvent[] {
    const lines = this.program.stdout.split('\n').slice(0, -1);
    return lines.map((line): FixtureEvent => JSON.parse(line));
  }

  /** The first matching event, including those already received. */
  until(what: string, fits: (event: FixtureEvent) => boolean): Promise<FixtureEvent> {
    return this.program.until(() => this.events.find(fits), what);
  }

  get messages(): Message[] {
    return this.events.flatMap(({ message }) => (message === undefined ? [] : [message]));
  }

  /** The first matching message, including those already received. */
  receives(what: string, fits: (message: Message) => boolean): Promise<Message> {
    return this.program.until(() => this.messages.find(fits), what);
  }
}

/** A worker of the QMesh program that can be found. */
export class FixtureWorker extends Fixture {
  readonly id: string;

  static async start(network: TestNetwork, ...args: readonly string[]): Promise<FixtureWorker> {
    const name = `fixture worker ${args.join(' ')}`;
    const program = network.run({ name, command: [WORKER, '--bootstrap', network.bootstrap, ...args] });
    const { worker_id: id = '' } = await new Fixture(program).until('ready', ({ event }) => event === 'ready');
    return new FixtureWorker(program, id);
  }

  private constructor(program: Program, id: string) {
    super(program);
    this.id = id;
  }
}

/** A client of the QMesh program. With `--raw` it sends what the test gives it. */
export class FixtureClient extends Fixture {
  constructor(network: TestNetwork, ...args: readonly string[]) {
    const name = `fixture client ${args.join(' ')}`;
    super(network.run({ name, command: [CLIENT, '--bootstrap', network.bootstrap, ...args] }));
  }

  send(frame: object): void {
    this.program.write(`${JSON.stringify({ frame })}\n`);
  }

  sendBytes(hex: string): void {
    this.program.write(`${JSON.stringify({ hex })}\n`);
  }
}
