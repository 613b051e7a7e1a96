export { dialectContract } from './dialect-contract.ts';
export { framerContract, type FramerSubject } from './framer-contract.ts';
export type { Harness } from './harness.ts';
export { hostileInput, type HostileSubject } from './hostile-input.ts';
export type { DialectSubject } from './two-sides.ts';
