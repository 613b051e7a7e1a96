import type { Program } from '../../test/harness/program.ts';
import type { MemoryUse } from '../memory-probe.ts';

/** Returns the memory use of a program that imports memory-probe.ts, after it has collected garbage. */
export function memoryOf(program: Program): Promise<MemoryUse> {
  const answers = (): string[] => program.stderr.match(/(?<=^memory ).*\}$/gm) ?? [];
  const known = answers().length;
  program.signal('SIGUSR2');
  return program.until((): MemoryUse | undefined => {
    const text = answers()[known];
    return text === undefined ? undefined : JSON.parse(text);
  }, 'its memory use');
}
