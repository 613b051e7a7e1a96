import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** A message of `shoal/1`. */
export type Line = Readonly<Record<string, unknown>> & { readonly type: string };

/** Answers a request with messages, which get its id, or ends the connection. Default: neither. */
type Answer = (send: (message: Line) => void, request: Line, hangUp: () => void) => void;

/**
 * A fake worker at a TCP door, written without Shoal's code: it lends the model `tiny`, answers every ping, and says nothing of
 * an answer unless it is given one.
 */
export class SilentWorker {
  /** Everything that clients have sent, except pings. */
  readonly received: Line[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answer: Answer;
  readonly #waiting: { readonly type: string; readonly resolve: (line: Line) => void }[] = [];

  static async listen(answer: Answer = () => {}, digest = 'a'.repeat(64)): Promise<SilentWorker> {
    const worker = new SilentWorker(answer, digest);
    worker.#server.listen(0, '127.0.0.1');
    await once(worker.#server, 'listening');
    return worker;
  }

  private constructor(answer: Answer, digest: string) {
    this.#answer = answer;
    this.#server = createServer((socket) => this.#connected(socket, digest));
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The worker does not listen.');
    return `tcp://127.0.0.1:${address.port}`;
  }

  /** Resolves with the first message of a type that a client sends or has sent. */
  receives(type: string): Promise<Line> {
    const known = this.received.find((line) => line.type === type);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => this.#waiting.push({ type, resolve }));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #connected(socket: Socket, digest: string): void {
    this.#sockets.add(socket);
    // The client ends the connection when it has enough.
    socket.on('error', () => socket.destroy());
    const send = (message: Line): void => void socket.write(`${JSON.stringify(message)}\n`);
    send({
      type: 'peer_hello',
      protocol: 'shoal/1',
      peer_id: '5'.repeat(64),
      node_name: 'silent',
      clusters: [],
      supported_models: ['tiny'],
      roles: ['worker'],
      models: [{ id: 'tiny', digest: `sha256:${digest}`, abilities: ['messages', 'tools', 'tokens'] }],
      capacity: { slots: 4, queue: 4 },
    });
    send({ type: 'peer_status', health: 100, active: 0, queued: 0, slots: 4 });
    createInterface({ input: socket }).on('line', (text) =>
      this.#received(JSON.parse(text), send, () => socket.destroy()),
    );
  }

  #received(line: Line, send: (message: Line) => void, hangUp: () => void): void {
    if (line.type === 'ping') return send({ type: 'pong' });
    this.received.push(line);
    for (const { type, resolve } of this.#waiting) if (type === line.type) resolve(line);
    if (line.type !== 'inference_request') return;
    this.#answer((message) => send({ ...message, request_id: line['request_id'] }), line, hangUp);
  }
}
