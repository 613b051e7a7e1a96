export { AnswerStream } from './link/answer-stream.ts';
export { isLoopback } from './caps.ts';
export * from './connection.ts';
export type { Exchange } from './link/exchange.ts';
export { Link, type LinkHandlers } from './link/link.ts';
export { monotonicNow } from '#clock';
