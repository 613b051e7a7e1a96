import { inspectModel } from '@shoal/models';
import { listModels, type LocalModel } from '@shoal/host/models';
import { printableName } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { localPlaces, locationOf } from '../../models/local.ts';
import { columns, print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

const HEADINGS = ['NAME', 'SIZE', 'QUANTIZATION', 'WHERE'];

const DEMO_ALONE = 'demo is a toy. Get a model with "shoal pull llama3.2:1b"';
const NONE = 'none yet; get one with "shoal pull llama3.2:1b"';

/** `shoal list`: the models of the store and of other programs, and the demo model. Reads headers only. */
export async function list(context: Context): Promise<number> {
  const { models, skipped } = await listModels(await localPlaces(context));
  const rows: string[][] = [];
  const documents: object[] = [];
  for (const model of models) {
    const inspected = await inspect(model);
    rows.push([printableName(model.name), size(model.bytes), inspected.quantization ?? 'broken', locationOf(model)]);
    documents.push({ ...modelDocument(model), ...inspected });
  }
  const isDemoAlone = models.length === 1 && models[0]?.owner === 'demo';
  const lines = rows.length > 0 ? [...columns([HEADINGS, ...rows]), ...(isDemoAlone ? [DEMO_ALONE] : [])] : [NONE];
  const skippedLines = skipped.map(({ path, why }) => `Skipped: ${printableName(path)} (${printableName(why)})`);
  print(context, { models: documents, skipped }, [...lines, ...skippedLines]);
  return EXIT.ok;
}

/** A model as JSON. A digest of another program is only claimed, because it has not been checked. */
export function modelDocument(model: LocalModel): object {
  const { name = null, owner, bytes, path } = model;
  const digest = owner === 'shoal' ? { digest: model.digest } : {};
  const claimed = 'claimedDigest' in model ? { claimed_digest: model.claimedDigest } : {};
  return { name, owner, bytes, path, ...digest, ...claimed };
}

/** Reads a model's header. Returns the fault of a broken file, so that the others are still listed. */
async function inspect({ paths }: LocalModel): Promise<{ quantization: string | null; fault?: string | undefined }> {
  try {
    const { quantisation } = await inspectModel(paths);
    return { quantization: printableName(quantisation) };
  } catch (error) {
    if (error instanceof ShoalError) return { quantization: null, fault: error.message };
    throw error;
  }
}
