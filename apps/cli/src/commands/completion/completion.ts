import { EXIT } from '../../cli-error.ts';
import { SCRIPTS } from '../../completion/scripts.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';

/** `shoal completion`: prints the completion script of a shell. */
export function completion(context: Context, shell: keyof typeof SCRIPTS): number {
  const script = SCRIPTS[shell];
  print(context, { shell, script }, [script.trimEnd()]);
  return EXIT.ok;
}
