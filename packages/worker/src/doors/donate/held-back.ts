import { type Connection, type ConnectionHandlers, CONSUMER_STALL_MS } from '@shoal/transport';

/**
 * A connection whose peer is not read while it does not read: else one that asks and asks and never takes its answers
 * would fill our memory with them. After `CONSUMER_STALL_MS` it is dropped.
 */
export function holdBack(connection: Connection): Connection {
  return new HeldBackConnection(connection);
}

class HeldBackConnection implements Connection {
  readonly remote;
  readonly flow;
  readonly #connection: Connection;
  #room: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.remote = connection.remote;
    this.flow = connection.flow;
  }

  open(handlers: ConnectionHandlers): void {
    this.#connection.open({
      data: (bytes) => this.#both(handlers.data(bytes)),
      drain: () => {
        this.#hasRoom();
        handlers.drain();
      },
      close: (error) => {
        this.#isClosed = true;
        this.#hasRoom();
        handlers.close(error);
      },
    });
  }

  send(bytes: Uint8Array): boolean {
    const hasRoom = this.#connection.send(bytes);
    if (!hasRoom && !this.#isClosed && this.#room === undefined) {
      this.#room = Promise.withResolvers();
      this.#timer = setTimeout(() => this.close(), CONSUMER_STALL_MS);
    }
    return hasRoom;
  }

  close(): void {
    this.#connection.close();
  }

  #both(busy: void | Promise<void>): void | Promise<void> {
    const room = this.#room?.promise;
    return room === undefined ? busy : Promise.all([busy, room]).then(() => undefined);
  }

  #hasRoom(): void {
    clearTimeout(this.#timer);
    this.#room?.resolve();
    this.#room = undefined;
  }
}
