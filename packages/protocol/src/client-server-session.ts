import { ShoalError } from './error.ts';
import type { InferenceEvent } from './event.ts';
import type { BodyPiece, Framer } from './framing/framer.ts';
import { encodeObject, type JsonObject } from './json.ts';
import { MessageSession } from './message-session.ts';
import type { InferenceRequest } from './request.ts';
import type { Output } from './session.ts';
import type { MessageEncoder, ClientSessionSide, ServerSessionSide } from './side.ts';

/** A session of a dialect in which one end only asks and the other only answers. It has one side. */
abstract class ClientServerSession<
  Side extends ServerSessionSide<Extension> | ClientSessionSide,
  Extension = never,
> extends MessageSession<Extension> {
  /** For the messages of the dialect beyond requests and answers. Pass its outputs to `Link.apply`. */
  readonly side: Side;

  protected constructor(framer: Framer, make: (encode: MessageEncoder) => Side) {
    super(framer);
    this.side = make((message) => {
      const body = encodeObject(message);
      return { bytes: framer.encode(body), size: body.length };
    });
  }

  start(now: number): Output<Extension>[] {
    return this.side.start(now);
  }

  end(): Output<Extension>[] {
    return this.side.end();
  }

  protected override parse(body: Uint8Array): JsonObject {
    return this.side.parse?.(body) ?? super.parse(body);
  }

  protected message(message: JsonObject, bytes: number, now: number): Output<Extension>[] {
    const outputs = this.side.message(message, bytes, now);
    if (outputs !== undefined) return outputs;
    const type = String(message['type']).slice(0, 64);
    throw this.side.unknown?.(type) ?? ShoalError.badMessage(`Unknown type: ${type}.`);
  }

  protected override piece(piece: BodyPiece, now: number): Output<Extension>[] {
    return this.side.piece?.(piece, now) ?? super.piece(piece, now);
  }

  protected override skipped(head: JsonObject, bytes: number, now: number): Output<Extension>[] {
    return this.side.skipped?.(head, bytes, now) ?? super.skipped(head, bytes, now);
  }

  protected faultMessages(error: ShoalError): Output<Extension>[] {
    return this.side.fault(error);
  }

  protected dialectTick(now: number): Output<Extension>[] {
    return this.side.tick(now);
  }

  protected get dialectWakeAt(): number {
    return this.side.wakeAt;
  }
}

/** The session of the end that answers. */
export class ServerSession<
  Side extends ServerSessionSide<Extension> = ServerSessionSide,
  Extension = never,
> extends ClientServerSession<Side, Extension> {
  constructor(framer: Framer, make: (encode: MessageEncoder, nextId: () => number) => Side) {
    let lastId = 0;
    super(framer, (encode) => make(encode, () => (lastId += 1)));
  }

  respond(id: number, event: InferenceEvent, now: number): Output<Extension>[] {
    return this.isClosed ? [] : this.side.respond(id, event, now);
  }

  credit(id: number): number {
    return this.side.credit(id);
  }

  ask(): Output<Extension>[] {
    throw ShoalError.invalidRequest('This end of the connection answers and does not ask.');
  }

  abort(): Output<Extension>[] {
    return [];
  }

  consumed(): Output<Extension>[] {
    return [];
  }
}

/** The session of the end that asks. */
export class ClientSession<Side extends ClientSessionSide = ClientSessionSide> extends ClientServerSession<Side> {
  constructor(framer: Framer, make: (encode: MessageEncoder) => Side) {
    super(framer, make);
  }

  respond(): Output[] {
    return [];
  }

  credit(): number {
    return 0;
  }

  ask(id: number, request: InferenceRequest, now: number): Output[] {
    return this.side.ask(id, request, now);
  }

  abort(id: number): Output[] {
    return this.side.abort(id);
  }

  consumed(id: number, bytes: number): Output[] {
    return this.side.consumed(id, bytes);
  }
}
