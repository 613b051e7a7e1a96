import type { Home } from '@shoal/host/home';

/** Arguments of every command. */
export interface Context {
  readonly home: Home;
  /** Print one JSON document on stdout instead of text. */
  readonly json: boolean;
}
