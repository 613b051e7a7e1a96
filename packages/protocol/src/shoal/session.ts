import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { Framer } from '../framing/framer.ts';
import { encodeObject, type JsonObject } from '../json.ts';
import { MessageSession } from '../message-session.ts';
import { OpenGatewayClient } from '../opengateway/client.ts';
import { MAX_MESSAGE_BYTES as MAX_OPENGATEWAY_BYTES } from '../opengateway/messages.ts';
import { OpenGatewayServer } from '../opengateway/server.ts';
import { cutErrorMessage } from '../peer-text.ts';
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
/** A peer that sends nothing for this long is lost. */
export const PEER_SILENT_MS = 3 * STATUS_INTERVAL_MS;

export interface PeerSessionOptions {
  readonly framer: Framer;
  /** Returns our current hello. */
  readonly hello: () => HelloMessage;
  readonly status: () => PeerStatus;
  /** The prefix of our request ids. No other node may use it. */
  readonly idPrefix: string;
  /** True if the peer must send a `shoal/1` hello first (TCP, WebSocket). False if it may be an OpenGateway peer. */
  readonly helloOwed: boolean;
  /** At a door: the credentials that it accepts. */
  readonly door?: DoorRule | undefined;
  /** When dialling a door: our credentials. Our hello then waits for the door's hello and answers its challenge. */
  readonly credentials?: Credentials | undefined;
}

interface Sides {
  readonly dialect: 'shoal' | 'opengateway';
  readonly server: ServerSide;
  readonly client: ClientSide;
}

/**
 * One connection between peers of a cluster, each of which may send requests and answers. Our hello is sent at once and is
 * valid in both dialects. The peer's first message decides which one it speaks: `shoal/1` if it is a hello with that
 * protocol, and OpenGateway otherwise. A request before it is sent in OpenGateway's dialect, whose early nodes send no hello.
 */
export class PeerSession extends MessageSession {
  readonly #options: PeerSessionOptions;
  readonly #encode: MessageEncoder = (object) => {
    const body = encodeObject(object);
    return { bytes: this.framer.encode(body), size: body.length };
  };
  readonly #nextId = (): number => (this.#lastId += 1);
  #sides: Sides | undefined;
  /** True if the dialect is OpenGateway only because we asked before the peer's first message. */
  #isGuessed = false;
  #peer: PeerInfo | undefined;
  #lastId = 0;
  #hasSentHello = false;
  #helloDueAt = Infinity;
  #statusAt = Infinity;
  #lastActivityAt = Infinity;
  #isSuspected = false;

  constructor(options: PeerSessionOptions) {
    super(options.framer);
    this.#options = options;
    this.framer.limit = options.helloOwed ? MAX_BYTES_BEFORE_HELLO : MAX_OPENGATEWAY_BYTES;
  }

  start(now: number): Output[] {
    if (this.#options.helloOwed) this.#helloDueAt = now + HELLO_TIMEOUT_MS;
    if (this.#options.credentials !== undefined) return [];
    const { door } = this.#options;
    return [this.#sendHello(door === undefined ? {} : { challenge: door.challenge })];
  }

  get joinsMessages(): boolean {
    return this.#speaksShoal;
  }

  /** Sends our hello and status again. Call when clusters, models or load have changed. */
  announce(now: number): Output[] {
    if (!this.#hasSentHello) return [];
    const hello = this.#sendHello();
    return this.#speaksShoal ? [hello, ...this.announceStatus(now)] : [hello];
  }

  announceStatus(now: number): Output[] {
    if (!this.#speaksShoal) return [];
    this.#statusAt = now + STATUS_INTERVAL_MS;
    return [this.send(statusMessage(this.#options.status()))];
  }

  respond(id: number, event: InferenceEvent, now: number): Output[] {
    return this.isClosed ? [] : (this.#sides?.server.respond(id, event, now) ?? []);
  }

  credit(id: number): number {
    return this.#sides?.server.credit(id) ?? 0;
  }

  ask(id: number, request: InferenceRequest, now: number): Output[] {
    if (this.#sides === undefined) {
      if (this.#options.helloOwed)
        throw new ShoalError('CONNECT_FAILED', 'The peer has not sent its first message yet.');
      this.#isGuessed = true;
      this.#sides = this.#openGatewaySides();
    }
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
    this.#lastActivityAt = now;
    this.#isSuspected = false;
    const isFirst = this.#sides === undefined || this.#isGuessed;
    const hello = isFirst ? this.#chooseDialect(message, now) : [];
    const sides = this.#sides;
    if (sides === undefined) return hello;
    sides.client.messageReceived?.(now);
    return [...hello, ...this.#dispatch(sides, message, bytes, now)];
  }

  protected faultMessages(error: ShoalError): Output[] {
    return this.#speaksShoal || this.#options.helloOwed ? [this.send(errorMessage(error))] : [];
  }

  protected dialectTick(now: number): Output[] {
    if (now >= this.#helloDueAt) return this.close(ShoalError.unauthorized('A peer_hello was due first.'));
    if (now >= this.#lastActivityAt + PEER_SILENT_MS && this.#speaksShoal) {
      // Waits one more tick, so that a stall of this process leaves time to read what has arrived.
      if (this.#isSuspected)
        return [...this.end(), { type: 'close', error: ShoalError.workerLost('The peer is silent.') }];
      this.#isSuspected = true;
      this.#lastActivityAt = now - PEER_SILENT_MS + STATUS_INTERVAL_MS / 5;
    }
    const status = now >= this.#statusAt ? this.announceStatus(now) : [];
    return [...status, ...(this.#sides?.client.tick(now) ?? [])];
  }

  protected get dialectWakeAt(): number {
    const silentAt = this.#speaksShoal ? this.#lastActivityAt + PEER_SILENT_MS : Infinity;
    return Math.min(this.#helloDueAt, this.#statusAt, silentAt, this.#sides?.client.wakeAt ?? Infinity);
  }

  get #speaksShoal(): boolean {
    return this.#sides?.dialect === 'shoal';
  }

  #sendHello(more: Partial<HelloMessage> = {}): Output {
    this.#hasSentHello = true;
    return this.send({ ...this.#options.hello(), ...more });
  }

  /** Decides the dialect by the first message. `#dispatch` then reads a hello like any later one. */
  #chooseDialect(message: JsonObject, now: number): Output[] {
    const shoal = message['type'] === 'peer_hello' && speaksShoal(message);
    if (this.#options.helloOwed && !shoal) {
      if (isRefusal(message)) return this.#closeRefused(message);
      return this.close(ShoalError.unauthorized('The first message must be a peer_hello with protocol shoal/1.'));
    }
    // An unreadable hello throws here. It decides nothing, and a required hello is still required.
    const hello = shoal ? readHello(message) : undefined;
    const refused = hello === undefined ? undefined : this.#refusal(hello);
    if (refused !== undefined) return this.close(refused);
    const { idPrefix } = this.#options;
    this.#helloDueAt = Infinity;
    this.#isGuessed = false;
    if (hello !== undefined) {
      // Requests that were sent in the wrong dialect.
      const lost = this.#sides?.client.end() ?? [];
      this.#sides = {
        dialect: 'shoal',
        server: new ShoalServer(this.#encode, this.#nextId),
        client: new ShoalClient(this.#encode, idPrefix),
      };
      this.framer.limit = MAX_REQUEST_BYTES;
      return [...lost, ...this.#answerHello(hello), ...this.announceStatus(now)];
    }
    this.#sides ??= this.#openGatewaySides();
    return message['type'] === 'peer_hello' ? [] : [this.#updatePeer({ dialect: 'opengateway', name: '', models: [] })];
  }

  #openGatewaySides(): Sides {
    return {
      dialect: 'opengateway',
      server: new OpenGatewayServer(this.#encode, this.#nextId),
      client: new OpenGatewayClient(this.#encode, this.#options.idPrefix),
    };
  }

  #refusal(hello: HelloMessage): ShoalError | undefined {
    const { door } = this.#options;
    if (door === undefined) return undefined;
    return admissionError(hello, { type: 'visitor', doorKey: this.#options.hello().peer_id, ...door });
  }

  /** Sends our hello, if it waited for the peer's. */
  #answerHello(hello: HelloMessage): Output[] {
    const { credentials } = this.#options;
    if (credentials === undefined || this.#hasSentHello) return [];
    return [this.#sendHello(proofFor(hello, this.#options.hello().peer_id, credentials))];
  }

  /** The peer refused us. The connection closes without a message, because an error is never answered with an error. */
  #closeRefused(message: JsonObject): Output[] {
    const text = message['message'];
    const error = ShoalError.unauthorized(
      typeof text === 'string' ? cutErrorMessage(text) : 'The peer refused the connection without a reason.',
    );
    return [...this.end(), { type: 'close', error }];
  }

  #dispatch(sides: Sides, message: JsonObject, bytes: number, now: number): Output[] {
    const type = message['type'];
    if (sides.dialect === 'opengateway') {
      if (type === 'peer_hello') return [this.#updatePeer(openGatewayPeer(message))];
      return sides.server.message(message, bytes, now) ?? sides.client.message(message, bytes, now) ?? [];
    }
    if (type !== 'inference_request' && bytes > MAX_MESSAGE_BYTES) {
      return this.close(ShoalError.badMessage(`Only a request may have more than ${MAX_MESSAGE_BYTES} bytes.`));
    }
    switch (type) {
      case 'peer_hello':
        return [this.#updatePeer({ ...this.#peer, ...shoalPeer(readHello(message)) })];
      case 'peer_status':
        return this.#peer === undefined ? [] : [this.#updatePeer({ ...this.#peer, status: readStatus(message) })];
      case 'ping':
        return [this.send({ type: 'pong' })];
      case 'pong':
        return [];
      case 'inference_error':
        if (isRefusal(message)) return this.#closeRefused(message);
        return sides.client.message(message, bytes, now) ?? [];
      default: {
        const outputs = sides.server.message(message, bytes, now) ?? sides.client.message(message, bytes, now);
        if (outputs === undefined) throw ShoalError.badMessage(`Unknown type: ${String(type).slice(0, 64)}.`);
        return outputs;
      }
    }
  }

  #updatePeer(peer: PeerInfo): Output {
    this.#peer = peer;
    return { type: 'peer', peer };
  }
}

/** True for an error that refuses the whole connection. */
function isRefusal(message: JsonObject): boolean {
  const { type, request_id: requestId, code } = message;
  return type === 'inference_error' && typeof requestId !== 'string' && code === 'UNAUTHORIZED';
}
