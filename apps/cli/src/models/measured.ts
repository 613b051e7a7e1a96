import type { ModelRecord } from '@shoal/engine-llama';

/** Measured memory of a loaded model, with the settings that it was measured with. */
export type MeasuredMemory = NonNullable<ModelRecord['memory']>[string];

/** The measured memory of the last load on this machine. Undefined if the file was never loaded or has changed. */
export async function measuredMemory(path: string, cacheDirectory: string): Promise<MeasuredMemory | undefined> {
  const { machineName, readModelRecord } = await import('@shoal/engine-llama');
  return (await readModelRecord(path, cacheDirectory))?.memory?.[machineName()];
}
