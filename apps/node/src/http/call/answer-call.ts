import type { Call } from '@shoal/formats/call';
import type { HttpExchange } from './exchange.ts';
import { StreamedAnswer } from './streamed-answer.ts';
import { WholeAnswer } from './whole-answer.ts';

/** The headers of a stream wait this long for the first event, so that an early failure keeps its status. */
const HEADERS_WAIT_MS = 5_000;
/** A stream without anything to send gets a sign of life at this interval. Node clients give up after 300 s. */
const KEEP_ALIVE_MS = 10_000;
/** A whole answer that takes longer gets its headers, and then white space at the interval of signs of life. */
const WHOLE_HEADERS_WAIT_MS = 120_000;

/** The times of an answer's signs of life. Tests use shorter ones. */
export interface CallTimes {
  readonly headersWaitMs: number;
  readonly keepAliveMs: number;
  readonly wholeHeadersWaitMs: number;
}

const TIMES: CallTimes = {
  headersWaitMs: HEADERS_WAIT_MS,
  keepAliveMs: KEEP_ALIVE_MS,
  wholeHeadersWaitMs: WHOLE_HEADERS_WAIT_MS,
};

/**
 * Answers a call of any API: streamed or whole, with one generation per requested answer. A client that hangs up stops the
 * workers. Resolves when the response has ended. Never rejects.
 */
export function answerCall(call: Call, exchange: HttpExchange, times = TIMES): Promise<void> {
  return call.streams
    ? new StreamedAnswer(call, exchange, times.headersWaitMs, times.keepAliveMs).run()
    : new WholeAnswer(call, exchange, times.wholeHeadersWaitMs, times.keepAliveMs).run();
}
