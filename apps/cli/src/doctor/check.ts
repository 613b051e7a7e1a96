/** One line of `shoal doctor`. `fail` is for what keeps a node from running, `warn` for what it can do without. */
export interface Check {
  readonly name: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do; absent where there is nothing to be done. */
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
