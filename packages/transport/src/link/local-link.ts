import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Remote } from '../connection.ts';
import { AnswerStream } from './answer-stream.ts';
import { type Exchange, isPiece, LinkExchange } from './exchange.ts';
import type { RequestLink } from './link.ts';

/** Pieces of one answer that wait for their reader before the engine is paused. */
const MAX_WAITING_PIECES = 64;

/** Passes requests to a handler in this process, with the flow control of a link but without messages and their limits. */
export class LocalLink implements RequestLink {
  readonly connection: { readonly remote: Remote };
  readonly #handler: (exchange: Exchange) => void;
  readonly #exchanges = new Set<LinkExchange>();
  #lastId = 0;
  #isClosed = false;

  /** `key` is this node's public key in hex. */
  constructor(key: string, handler: (exchange: Exchange) => void) {
    this.connection = { remote: { transport: 'memory', key, address: 'this node', initiator: true } };
    this.#handler = handler;
  }

  get openAnswers(): number {
    return this.#exchanges.size;
  }

  ask(request: InferenceRequest): AnswerStream {
    if (this.#isClosed) throw ShoalError.workerLost('This node is stopping.');
    let room = MAX_WAITING_PIECES;
    const answer = new AnswerStream({
      consumed: (pieces) => {
        room += pieces;
        exchange.resume();
      },
      abandon: () => {
        exchange.abort(ShoalError.aborted('The client cancelled the request.'));
        answer.push({ type: 'finish', reason: 'abort', rawReason: 'abort' }, 0);
      },
    });
    const exchange = new LinkExchange((this.#lastId += 1), request, {
      remote: this.connection.remote,
      isFull: () => false,
      credit: () => room,
      respond: (_, event) => {
        if (event.type === 'finish' && event.reason === 'abort') {
          return answer.push({ type: 'error', error: ShoalError.unaskedAbort() }, 0);
        }
        const pieces = isPiece(event) ? 1 : 0;
        room -= pieces;
        answer.push(event, pieces);
      },
      ended: () => this.#exchanges.delete(exchange),
    });
    this.#exchanges.add(exchange);
    this.#handler(exchange);
    return answer;
  }

  /** Ends open answers with `WORKER_LOST` and refuses further requests. */
  close(): void {
    this.#isClosed = true;
    for (const exchange of this.#exchanges) {
      void exchange.send({ type: 'error', error: ShoalError.workerLost('This node is stopping.') });
    }
  }
}
