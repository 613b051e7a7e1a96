import { inspectModel } from '@shoal/models';
import { listModels, type LocalModel } from '@shoal/host/models';
import { printableName } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { localPlaces, whereabouts } from '../../models/local.ts';
import { columns, print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

const HEADINGS = ['NAME', 'SIZE', 'QUANTISATION', 'WHERE'];

/** `shoal list`: our models and those of other programs. Reads their headers only. */
export async function list(context: Context): Promise<number> {
  const { models, skipped } = await listModels(await localPlaces(context));
  const rows: string[][] = [];
  const documents: object[] = [];
  for (const model of models) {
    const looked = await look(model);
    rows.push([printableName(model.name), size(model.bytes), looked.quantisation ?? 'broken', whereabouts(model)]);
    documents.push({ ...document(model), ...looked });
  }
  const lines = rows.length > 0 ? columns([HEADINGS, ...rows]) : ['none yet; "shoal pull llama3.2:1b" brings one'];
  const passedOver = skipped.map(({ path, why }) => `Passed over: ${printableName(path)} (${printableName(why)})`);
  print(context, { models: documents, skipped }, [...lines, ...passedOver]);
  return EXIT.ok;
}

/** A digest that we have not checked is only claimed. */
export function document(model: LocalModel): object {
  const { name = null, owner, bytes, path } = model;
  const digest = owner === 'shoal' ? { digest: model.digest } : {};
  const claimed = 'claimedDigest' in model ? { claimed_digest: model.claimedDigest } : {};
  return { name, owner, bytes, path, ...digest, ...claimed };
}

/** A file that cannot be used must not hide the others. */
async function look({ paths }: LocalModel): Promise<{ quantisation: string | null; fault?: string | undefined }> {
  try {
    const { quantisation } = await inspectModel(paths);
    return { quantisation: printableName(quantisation) };
  } catch (error) {
    if (error instanceof ShoalError) return { quantisation: null, fault: error.message };
    throw error;
  }
}
