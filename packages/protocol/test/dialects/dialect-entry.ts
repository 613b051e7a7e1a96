import type { DialectSubject, HostileSubject } from '../../src/contracts/index.ts';
import type { Conversation } from './conversation.ts';

/** Everything that the tests of this package need to know about a dialect. */
export interface DialectEntry {
  /** For the contract between its two sides. */
  readonly contract: DialectSubject;
  /** Its sessions that answer requests, for hostile input. */
  readonly hostile: readonly HostileSubject[];
  /** Its recorded conversations, by the name of the file in vectors/. */
  readonly conversations: Readonly<Record<string, () => Conversation>>;
}
