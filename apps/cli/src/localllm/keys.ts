const CTRL_C = '\u0003';

/** Actions by key. */
export type KeyActions = Readonly<Record<string, () => void>>;

/**
 * Calls an action for each key if stdin is a terminal. Ctrl-C still sends SIGINT. Returns a function that restores the
 * terminal.
 */
export function listenToKeys(keys: KeyActions): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  const onData = (typed: Buffer): void => {
    for (const key of typed.toString('utf8')) {
      if (key === CTRL_C) process.kill(process.pid, 'SIGINT');
      else if (Object.hasOwn(keys, key)) keys[key]?.();
    }
  };
  stdin.setRawMode(true);
  stdin.on('data', onData);
  return () => {
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
