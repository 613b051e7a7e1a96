import { parseName } from '@shoal/models';
import { openModelStore } from '@shoal/host/models';
import { ShoalError } from '@shoal/protocol/error';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { findStoredModel } from '../../models/local.ts';
import { print } from '../../terminal/output.ts';
import { storedDocument } from './pull.ts';

/** `shoal cp`: another name for a model of the store. */
export async function copy(context: Context, from: string, to: string): Promise<number> {
  const newName = checkedName(to);
  const { name } = await findStoredModel(
    context,
    from,
    ({ path }) => `pull it into the store with: shoal pull "file:${path}" --name ${to}`,
  );
  const model = await (await openModelStore(context.home)).copy(name, newName);
  print(context, storedDocument(model), [`${model.name} is now another name of ${name}`]);
  return EXIT.ok;
}

function checkedName(text: string): string {
  try {
    return parseName(text);
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}
