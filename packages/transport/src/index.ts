export { AnswerStream } from './link/answer-stream.ts';
export { isLoopback } from './loopback.ts';
export * from './connection.ts';
export type { Exchange } from './link/exchange.ts';
export { Link, type LinkHandlers, type RequestLink } from './link/link.ts';
export { LocalLink } from './link/local-link.ts';
export { type OwnedSeat, type Seat, Seats, type Visitor } from './seats.ts';
export { type Traffic, traffic } from './traffic.ts';
export { monotonicNow } from '#clock';
