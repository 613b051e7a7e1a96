import type { ModelRecord } from '@shoal/engine-llama';

/** What a model took of this machine's memory, and what that was for. */
export type MeasuredMemory = NonNullable<ModelRecord['memory']>[string];

/** What the engine remembers of the last time that this file was loaded on this machine; undefined where it never was. */
export async function measuredMemory(path: string, cacheDirectory: string): Promise<MeasuredMemory | undefined> {
  const { machineName, readModelRecord } = await import('@shoal/engine-llama');
  return (await readModelRecord(path, cacheDirectory))?.memory?.[machineName()];
}
