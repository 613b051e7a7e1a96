import type { Home } from '@shoal/node/home';

/** What every command is given. */
export interface Context {
  readonly home: Home;
  /** One JSON document on stdout instead of text. */
  readonly json: boolean;
}
