const CTRL_C = '\u0003';

/** What single keys do while a command runs on a terminal. */
export type Keys = Readonly<Record<string, () => void>>;

/**
 * Listens to single keys, where stdin is a terminal; Ctrl-C, which is a key now, is still the signal. Returns the way to
 * leave the terminal as it was.
 */
export function listenToKeys(keys: Keys): () => void {
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
