export { dialectContract, type DialectSubject } from './dialect-contract.ts';
export { framerContract, type FramerSubject } from './framer-contract.ts';
export type { Harness } from './harness.ts';
export { hostileInput, type HostileSubject } from './hostile-input.ts';
