/** One line of `shoal doctor`. `fail`: a node cannot run. `warn`: a node runs without it. */
export interface Check {
  readonly name: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** An instruction for the user. Undefined if there is nothing to do. */
  readonly remedy?: string | undefined;
}

export function ok(name: string, message: string): Check {
  return { name, level: 'ok', message };
}

export function warn(name: string, message: string, remedy: string): Check {
  return { name, level: 'warn', message, remedy };
}

export function fail(name: string, message: string, remedy: string): Check {
  return { name, level: 'fail', message, remedy };
}
