import { ShoalError } from '@shoal/protocol/error';
import { MAX_REQUEST_BYTES } from '@shoal/protocol/shoal';
import { type Connection, monotonicNow } from '@shoal/transport';
import { checkDialable, dial } from '#dial';
import { parsePeerAddress, type PeerAddress } from './peer-address.ts';

/** A dialled peer that does not accept the connection within this time cannot be reached. */
const DIAL_TIMEOUT_MS = 5_000;
/** The first wait before a peer is dialled again. It doubles after each connection that lasts less than the last wait. */
const REDIAL_FIRST_MS = 500;
/** The longest wait before a peer is dialled again, and the wait after a refusal. */
const REDIAL_MAX_MS = 30_000;

/** A connection to a peer that we dialled. Its user reports how the connection develops. */
export interface DialledConnection {
  readonly address: PeerAddress;
  readonly connection: Connection;
  /** Call when the peer has accepted us. */
  accepted(): void;
  /** Call when the connection has ended. */
  lost(error?: Error): void;
}

export interface DirectPeersOptions {
  /** `ws:`, `wss:` and `tcp:` addresses. */
  readonly addresses: readonly string[];
  readonly onConnection: (dialled: DialledConnection) => void;
  /** Called when a dial fails. */
  readonly onChange: () => void;
}

/** The peers that are known by address. Each is dialled when `start` is called, and again when its connection ends. */
export class DirectPeers {
  readonly #peers: readonly DirectPeer[];

  /** Throws `INVALID_REQUEST` for an address that cannot be dialled. */
  constructor({ addresses, ...handlers }: DirectPeersOptions) {
    // By text, because an address that is given twice is one peer.
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

  /** True while a peer is being dialled or has not accepted us yet. */
  get isDialling(): boolean {
    return this.#peers.some(({ state }) => state === 'dialling' || state === 'handshaking');
  }

  /** The error of a peer that is not connected, a refusal first. Undefined if there is none. */
  get problem(): ShoalError | undefined {
    const problems = this.#peers.flatMap(({ problem }) => problem ?? []);
    return problems.find(({ code }) => code === 'UNAUTHORIZED') ?? problems[0];
  }

  /** Dials the waiting peers now. */
  refresh(): void {
    for (const peer of this.#peers) peer.refresh();
  }

  close(): void {
    for (const peer of this.#peers) peer.close();
  }
}

type State = 'dialling' | 'handshaking' | 'connected' | 'waiting' | 'closed';

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

  /** The last error. Undefined while the peer is connected, and before the first dial has ended. */
  get problem(): ShoalError | undefined {
    return this.#problem;
  }

  /** Dials at most once per `REDIAL_FIRST_MS`, even if the caller calls this in a loop. */
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
    // `close` was called during the dial.
    if (this.#state !== 'dialling') return connection.close();
    this.#state = 'handshaking';
    this.#handlers.onConnection({
      address: this.#address,
      connection,
      accepted: () => this.#accepted(),
      lost: (error) => this.#lost(this.#lossError(error)),
    });
  }

  #accepted(): void {
    if (this.#state !== 'handshaking') return;
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

  #lossError(error: Error | undefined): ShoalError {
    const { text } = this.#address;
    if (error instanceof ShoalError && error.code === 'UNAUTHORIZED') {
      return ShoalError.unauthorized(`${text} refuses this client: ${error.message}`);
    }
    const why = this.#state === 'connected' ? 'was lost; it is being dialled again' : 'ended before its hello';
    return new ShoalError('CONNECT_FAILED', `The connection to ${text} ${why}.`, { cause: error });
  }
}
