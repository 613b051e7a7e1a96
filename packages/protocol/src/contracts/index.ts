export { dialectContract } from './dialect-contract.ts';
export { framerContract, type FramerSubject } from './framer-contract.ts';
export type { Harness } from './harness.ts';
export { hostileInput, type HostileSubject, validTraffic } from './hostile-input.ts';
export { mutated, numbers, type Random } from './random.ts';
export type { DialectSubject } from './two-sides.ts';
