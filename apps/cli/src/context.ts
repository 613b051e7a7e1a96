import type { Home } from '@shoal/host/home';

/** What every command is given. */
export interface Context {
  readonly home: Home;
  /** One JSON document on stdout instead of text. */
  readonly json: boolean;
}
