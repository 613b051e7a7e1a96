import type { RequestRecord } from './request-record.ts';

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const DAY_MINUTES = 1_440;

/** The number of requests that ended in each way, and the tokens of their answers. */
interface RequestTotals {
  answered: number;
  failed: number;
  aborted: number;
  refused: number;
  tokens: number;
}

/** The totals of a period. */
export interface RequestPeriod {
  /** Of requests of peers. */
  readonly peers: Readonly<RequestTotals>;
  /** Of requests of programs of this machine. */
  readonly programs: Readonly<RequestTotals>;
}

interface Minute {
  readonly peer: RequestTotals;
  readonly program: RequestTotals;
}

/** Counts requests minute by minute for a day. */
export class RequestHistory {
  readonly #now: () => number;
  /** By the number of the minute, in order. */
  readonly #minutes = new Map<number, Minute>();

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add({ from, outcome, tokens }: Pick<RequestRecord, 'from' | 'outcome' | 'tokens'>): void {
    const totals = this.#current()[from];
    totals[outcome] += 1;
    totals.tokens += tokens;
  }

  /** The last hour and the last day, each to the minute. */
  get periods(): { readonly lastHour: RequestPeriod; readonly lastDay: RequestPeriod } {
    return { lastHour: this.#sum(HOUR_MINUTES), lastDay: this.#sum(DAY_MINUTES) };
  }

  get #minute(): number {
    return Math.floor(this.#now() / MINUTE_MS);
  }

  #current(): Minute {
    const number = this.#minute;
    const known = this.#minutes.get(number);
    if (known !== undefined) return known;
    for (const old of this.#minutes.keys()) {
      if (old > number - DAY_MINUTES) break;
      this.#minutes.delete(old);
    }
    const minute = { peer: noRequests(), program: noRequests() };
    this.#minutes.set(number, minute);
    return minute;
  }

  #sum(minutes: number): RequestPeriod {
    const first = this.#minute - minutes;
    const sum = { peers: noRequests(), programs: noRequests() };
    for (const [number, { peer, program }] of this.#minutes) {
      if (number <= first) continue;
      addTo(sum.peers, peer);
      addTo(sum.programs, program);
    }
    return sum;
  }
}

function noRequests(): RequestTotals {
  return { answered: 0, failed: 0, aborted: 0, refused: 0, tokens: 0 };
}

function addTo(sum: RequestTotals, { answered, failed, aborted, refused, tokens }: RequestTotals): void {
  sum.answered += answered;
  sum.failed += failed;
  sum.aborted += aborted;
  sum.refused += refused;
  sum.tokens += tokens;
}
