export { Answer } from './answer.ts';
export { isLoopback } from './caps.ts';
export * from './connection.ts';
export * from './link.ts';
export { monotonicNow } from '#clock';
