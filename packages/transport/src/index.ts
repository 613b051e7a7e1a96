export { Answer } from './link/answer.ts';
export { isLoopback } from './caps.ts';
export * from './connection.ts';
export * from './link/link.ts';
export { monotonicNow } from '#clock';
