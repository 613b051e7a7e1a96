import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { Framer } from '../framing/framer.ts';
import { encodeObject, type JsonObject } from '../json.ts';
import { MessageSession } from '../message-session.ts';
import { OpenGatewayClient } from '../opengateway/client.ts';
import { MAX_MESSAGE_BYTES as MAX_OPENGATEWAY_BYTES } from '../opengateway/messages.ts';
import { OpenGatewayServer } from '../opengateway/server.ts';
import type { InferenceRequest } from '../request.ts';
import type { Output, PeerInfo, PeerStatus } from '../session.ts';
import type { ClientSide, MessageEncoder, ServerSide } from '../side.ts';
import { admissionError, type DoorRule } from './admission.ts';
import { type Credentials, proofFor } from './authorisation.ts';
import { ShoalClient } from './client.ts';
import { errorMessage } from './errors.ts';
import {
  type HelloMessage,
  MAX_BYTES_BEFORE_HELLO,
  MAX_MESSAGE_BYTES,
  MAX_REQUEST_BYTES,
  readHello,
  readStatus,
  speaksShoal,
  statusMessage,
} from './messages.ts';
import { openGatewayPeer, shoalPeer } from './peer-info.ts';
import { ShoalServer } from './server.ts';

/** A peer that must identify itself has this long to send its hello. Then it is disconnected with `UNAUTHORIZED`. */
export const HELLO_TIMEOUT_MS = 5_000;
/** A node sends its health and load at least this often. */
export const STATUS_INTERVAL_MS = 5_000;
/** An idle peer that misses three of them is gone. */
export const PEER_SILENT_MS = 3 * STATUS_INTERVAL_MS;

export interface PeerSessionOptions {
  readonly framer: Framer;
  /** What we say of ourselves, now. */
  readonly hello: () => HelloMessage;
  readonly status: () => PeerStatus;
  /** Begins the ids of our requests; no other node may use it. */
  readonly idPrefix: string;
  /** Whether the peer owes a `shoal/1` hello before all else (TCP, WebSocket), or may be an OpenGateway peer. */
  readonly helloOwed: boolean;
  /** At a door, where a hello is owed: what it wants shown. */
  readonly door?: DoorRule | undefined;
  /** Dialling a door: what we can show it. Our hello then waits for the door's, whose challenge it answers. */
  readonly credentials?: Credentials | undefined;
}

interface Sides {
  readonly dialect: 'shoal' | 'opengateway';
  readonly server: ServerSide;
  readonly client: ClientSide;
}

/**
 * One connection between peers of a cluster; each may ask and each may answer. We greet at once, in a way that both
 * dialects understand. The peer's first message settles which one it speaks: a hello that says `shoal/1`, or anything
 * else, which is OpenGateway.
 */
export class PeerSession extends MessageSession {
  readonly #options: PeerSessionOptions;
  #sides: Sides | undefined;
  #peer: PeerInfo | undefined;
  #lastId = 0;
  #hasGreeted = false;
  #helloDueAt = Infinity;
  #statusAt = Infinity;
  #heardAt = Infinity;
  #wasSilent = false;

  constructor(options: PeerSessionOptions) {
    super(options.framer);
    this.#options = options;
    this.framer.limit = options.helloOwed ? MAX_BYTES_BEFORE_HELLO : MAX_OPENGATEWAY_BYTES;
  }

  start(now: number): Output[] {
    if (this.#options.helloOwed) this.#helloDueAt = now + HELLO_TIMEOUT_MS;
    if (this.#options.credentials !== undefined) return [];
    const { door } = this.#options;
    return [this.#greet(door === undefined ? {} : { challenge: door.challenge })];
  }

  /** Says again who we are and how we fare: clusters, models or load have changed. */
  announce(now: number): Output[] {
    if (!this.#hasGreeted) return [];
    const hello = this.#greet();
    return this.#speaksShoal ? [hello, ...this.announceStatus(now)] : [hello];
  }

  announceStatus(now: number): Output[] {
    if (!this.#speaksShoal) return [];
    this.#statusAt = now + STATUS_INTERVAL_MS;
    return [this.send(statusMessage(this.#options.status()))];
  }

  respond(id: number, event: InferenceEvent, now: number): Output[] {
    return this.#sides?.server.respond(id, event, now) ?? [];
  }

  credit(id: number): number {
    return this.#sides?.server.credit(id) ?? 0;
  }

  ask(id: number, request: InferenceRequest, now: number): Output[] {
    if (this.#sides === undefined) throw new ShoalError('CONNECT_FAILED', 'The peer has not said what it speaks yet.');
    return this.#sides.client.ask(id, request, now);
  }

  abort(id: number): Output[] {
    return this.#sides?.client.abort(id) ?? [];
  }

  consumed(id: number, bytes: number): Output[] {
    return this.#sides?.client.consumed(id, bytes) ?? [];
  }

  end(): Output[] {
    return this.#sides === undefined ? [] : [...this.#sides.client.end(), ...this.#sides.server.end()];
  }

  protected message(message: JsonObject, bytes: number, now: number): Output[] {
    this.#heardAt = now;
    this.#wasSilent = false;
    const greeting = this.#sides === undefined ? this.#settle(message, now) : [];
    const sides = this.#sides;
    if (sides === undefined) return greeting;
    sides.client.messageReceived?.(now);
    return [...greeting, ...this.#dispatch(sides, message, bytes, now)];
  }

  protected faultMessages(error: ShoalError): Output[] {
    return this.#speaksShoal || this.#options.helloOwed ? [this.send(errorMessage(error))] : [];
  }

  protected dialectTick(now: number): Output[] {
    if (now >= this.#helloDueAt) return this.close(ShoalError.unauthorized('A peer_hello was due first.'));
    if (now >= this.#heardAt + PEER_SILENT_MS && this.#speaksShoal) {
      // One tick more, so that a stall of our own loop leaves time to read what has arrived meanwhile.
      if (this.#wasSilent)
        return [...this.end(), { type: 'close', error: ShoalError.workerLost('The peer is silent.') }];
      this.#wasSilent = true;
      this.#heardAt = now - PEER_SILENT_MS + STATUS_INTERVAL_MS / 5;
    }
    const status = now >= this.#statusAt ? this.announceStatus(now) : [];
    return [...status, ...(this.#sides?.client.tick(now) ?? [])];
  }

  protected get dialectWakeAt(): number {
    const silentAt = this.#speaksShoal ? this.#heardAt + PEER_SILENT_MS : Infinity;
    return Math.min(this.#helloDueAt, this.#statusAt, silentAt, this.#sides?.client.wakeAt ?? Infinity);
  }

  get #speaksShoal(): boolean {
    return this.#sides?.dialect === 'shoal';
  }

  #greet(more: Partial<HelloMessage> = {}): Output {
    this.#hasGreeted = true;
    return this.send({ ...this.#options.hello(), ...more });
  }

  /** The first message decides the dialect; a hello is then read by `#dispatch` like any later one. */
  #settle(message: JsonObject, now: number): Output[] {
    const shoal = message['type'] === 'peer_hello' && speaksShoal(message);
    if (this.#options.helloOwed && !shoal) {
      if (isRefusal(message)) return this.#refused(message);
      return this.close(ShoalError.unauthorized('The first message must be a peer_hello with protocol shoal/1.'));
    }
    // A hello that cannot be read settles nothing, and one that is owed is still owed.
    const hello = shoal ? readHello(message) : undefined;
    const refused = hello === undefined ? undefined : this.#refusal(hello);
    if (refused !== undefined) return this.close(refused);
    const encode: MessageEncoder = (object) => {
      const body = encodeObject(object);
      return { bytes: this.framer.encode(body), size: body.length };
    };
    const nextId = () => (this.#lastId += 1);
    const { idPrefix } = this.#options;
    this.#helloDueAt = Infinity;
    if (hello !== undefined) {
      this.#sides = {
        dialect: 'shoal',
        server: new ShoalServer(encode, nextId),
        client: new ShoalClient(encode, idPrefix),
      };
      this.framer.limit = MAX_REQUEST_BYTES;
      return [...this.#answerGreeting(hello), ...this.announceStatus(now)];
    }
    this.#sides = {
      dialect: 'opengateway',
      server: new OpenGatewayServer(encode, nextId),
      client: new OpenGatewayClient(encode, idPrefix),
    };
    return message['type'] === 'peer_hello' ? [] : [this.#become({ dialect: 'opengateway', name: '', models: [] })];
  }

  #refusal(hello: HelloMessage): ShoalError | undefined {
    const { door } = this.#options;
    if (door === undefined) return undefined;
    return admissionError(hello, { type: 'visitor', doorKey: this.#options.hello().peer_id, ...door });
  }

  /** Our own hello, where it waited for this one. */
  #answerGreeting(hello: HelloMessage): Output[] {
    const { credentials } = this.#options;
    if (credentials === undefined || this.#hasGreeted) return [];
    return [this.#greet(proofFor(hello, this.#options.hello().peer_id, credentials))];
  }

  /** The peer does not want us: that is why this connection ends, and an error is never answered with an error. */
  #refused(message: JsonObject): Output[] {
    const words = message['message'];
    const error = ShoalError.unauthorized(
      typeof words === 'string' ? words : 'The peer refuses us and does not say why.',
    );
    return [...this.end(), { type: 'close', error }];
  }

  #dispatch(sides: Sides, message: JsonObject, bytes: number, now: number): Output[] {
    const type = message['type'];
    if (sides.dialect === 'opengateway') {
      if (type === 'peer_hello') return [this.#become(openGatewayPeer(message))];
      return sides.server.message(message, bytes, now) ?? sides.client.message(message, bytes, now) ?? [];
    }
    if (type !== 'inference_request' && bytes > MAX_MESSAGE_BYTES) {
      return this.close(ShoalError.badMessage(`Only a request may have more than ${MAX_MESSAGE_BYTES} bytes.`));
    }
    switch (type) {
      case 'peer_hello':
        return [this.#become({ ...this.#peer, ...shoalPeer(readHello(message)) })];
      case 'peer_status':
        return this.#peer === undefined ? [] : [this.#become({ ...this.#peer, status: readStatus(message) })];
      case 'ping':
        return [this.send({ type: 'pong' })];
      case 'pong':
        return [];
      case 'inference_error':
        if (isRefusal(message)) return this.#refused(message);
        return sides.client.message(message, bytes, now) ?? [];
      default: {
        const outputs = sides.server.message(message, bytes, now) ?? sides.client.message(message, bytes, now);
        if (outputs === undefined) throw ShoalError.badMessage(`Unknown type: ${String(type).slice(0, 64)}.`);
        return outputs;
      }
    }
  }

  #become(peer: PeerInfo): Output {
    this.#peer = peer;
    return { type: 'peer', peer };
  }
}

/** Whether this says that we may not be here at all. */
function isRefusal(message: JsonObject): boolean {
  const { type, request_id: requestId, code } = message;
  return type === 'inference_error' && typeof requestId !== 'string' && code === 'UNAUTHORIZED';
}
