import { parseName } from '@shoal/models';
import { openModelStore } from '@shoal/host/models';
import { ShoalError } from '@shoal/protocol';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { findOwn } from '../../models/local.ts';
import { print } from '../../terminal/output.ts';
import { storedDocument } from './pull.ts';

/** `shoal cp`: one more name for a model of the store. */
export async function copy(context: Context, from: string, to: string): Promise<number> {
  const wanted = checkedName(to);
  const { name } = await findOwn(
    context,
    from,
    ({ path }) => `bring it in with: shoal pull "file:${path}" --name ${to}`,
  );
  const model = await (await openModelStore(context.home)).copy(name, wanted);
  print(context, storedDocument(model), [`${model.name} is ${name} now`]);
  return EXIT.ok;
}

function checkedName(text: string): string {
  try {
    return parseName(text);
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}
