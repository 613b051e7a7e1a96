import { ShoalError } from '@shoal/protocol';
import { MAX_REQUEST_BYTES } from '@shoal/protocol/shoal';
import { type Connection, monotonicNow } from '@shoal/transport';
import { checkDialable, dial } from '#dial';
import { parsePeerAddress, type PeerAddress } from './peer-address.ts';

/** A dialled peer that does not accept the connection within this time cannot be reached. */
const DIAL_TIMEOUT_MS = 5_000;
/** The wait before a peer is dialled again. It doubles with each connection that lasts no longer than it. */
const REDIAL_FIRST_MS = 500;
/** The longest wait before a peer is dialled again, and the wait after a refusal. */
const REDIAL_MAX_MS = 30_000;

/** A connection to a peer that we dialled, and what has to be said of it. */
export interface DialledConnection {
  readonly address: PeerAddress;
  readonly connection: Connection;
  /** The peer took us in. */
  welcomed(): void;
  /** The connection is gone. */
  lost(error?: Error): void;
}

export interface DirectPeersOptions {
  /** `ws:`, `wss:` and `tcp:` addresses. */
  readonly addresses: readonly string[];
  readonly onConnection: (dialled: DialledConnection) => void;
  /** A dial has failed. */
  readonly onChange: () => void;
}

/** The peers that are known by address. Each is dialled from `start` on, and again whenever it is lost. */
export class DirectPeers {
  readonly #peers: readonly DirectPeer[];

  /** Throws `INVALID_REQUEST` for an address that cannot be dialled. */
  constructor({ addresses, ...handlers }: DirectPeersOptions) {
    // By text, because one that is given twice is one peer.
    const parsed = new Map(addresses.map(parsePeerAddress).map((address) => [address.text, address]));
    for (const address of parsed.values()) checkDialable(address);
    this.#peers = [...parsed.values()].map((address) => new DirectPeer(address, handlers));
  }

  start(): void {
    for (const peer of this.#peers) peer.start();
  }

  get count(): number {
    return this.#peers.length;
  }

  /** Whether one of them may be there in a moment. */
  get isDialling(): boolean {
    return this.#peers.some(({ state }) => state === 'dialling' || state === 'greeting');
  }

  /** Why one of them is not there, a refusal before all else. */
  get problem(): ShoalError | undefined {
    const problems = this.#peers.flatMap(({ problem }) => problem ?? []);
    return problems.find(({ code }) => code === 'UNAUTHORIZED') ?? problems[0];
  }

  /** Dials those now that would be dialled later. */
  refresh(): void {
    for (const peer of this.#peers) peer.refresh();
  }

  close(): void {
    for (const peer of this.#peers) peer.close();
  }
}

type State = 'dialling' | 'greeting' | 'connected' | 'waiting' | 'closed';

class DirectPeer {
  readonly #address: PeerAddress;
  readonly #handlers: Omit<DirectPeersOptions, 'addresses'>;
  #state: State = 'waiting';
  #problem: ShoalError | undefined;
  #waitMs = 0;
  #dialledAt = 0;
  #dialling: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(address: PeerAddress, handlers: Omit<DirectPeersOptions, 'addresses'>) {
    this.#address = address;
    this.#handlers = handlers;
  }

  start(): void {
    void this.#dial();
  }

  get state(): State {
    return this.#state;
  }

  /** Why it is not there; undefined while it is, and before the first dial has ended. */
  get problem(): ShoalError | undefined {
    return this.#problem;
  }

  /** Not within the shortest wait: whoever asks in a loop must not make us dial in one. */
  refresh(): void {
    if (this.#state === 'waiting' && monotonicNow() >= this.#dialledAt + REDIAL_FIRST_MS) void this.#dial();
  }

  close(): void {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#dialling?.abort();
  }

  /** Never rejects. */
  async #dial(): Promise<void> {
    clearTimeout(this.#timer);
    this.#state = 'dialling';
    this.#dialledAt = monotonicNow();
    this.#dialling = new AbortController();
    const { signal } = this.#dialling;
    try {
      const options = { timeoutMs: DIAL_TIMEOUT_MS, maxPayloadBytes: MAX_REQUEST_BYTES, signal };
      this.#connected(await dial(this.#address, options));
    } catch (thrown) {
      this.#lost(ShoalError.from(thrown));
    }
  }

  #connected(connection: Connection): void {
    // Closed meanwhile: nobody wants it any more.
    if (this.#state !== 'dialling') return connection.close();
    this.#state = 'greeting';
    this.#handlers.onConnection({
      address: this.#address,
      connection,
      welcomed: () => this.#welcomed(),
      lost: (error) => this.#lost(this.#whyLost(error)),
    });
  }

  #welcomed(): void {
    if (this.#state !== 'greeting') return;
    this.#state = 'connected';
    this.#problem = undefined;
  }

  #lost(problem: ShoalError): void {
    if (this.#state === 'closed') return;
    const hasLasted = this.#state === 'connected' && monotonicNow() - this.#dialledAt > this.#waitMs;
    if (problem.code === 'UNAUTHORIZED') this.#waitMs = REDIAL_MAX_MS;
    else
      this.#waitMs = hasLasted ? REDIAL_FIRST_MS : Math.min(Math.max(REDIAL_FIRST_MS, 2 * this.#waitMs), REDIAL_MAX_MS);
    this.#state = 'waiting';
    this.#problem = problem;
    this.#timer = setTimeout(() => void this.#dial(), this.#waitMs);
    this.#handlers.onChange();
  }

  #whyLost(error: Error | undefined): ShoalError {
    const { text } = this.#address;
    if (error instanceof ShoalError && error.code === 'UNAUTHORIZED') {
      return ShoalError.unauthorized(`${text} refuses this client: ${error.message}`);
    }
    const why = this.#state === 'connected' ? 'was lost; it is being dialled again' : 'ended before it said who it is';
    return new ShoalError('CONNECT_FAILED', `The connection to ${text} ${why}.`, { cause: error });
  }
}
