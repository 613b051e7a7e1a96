import { printableName } from '@shoal/host/printable';
import { CliError } from '../cli-error.ts';
import { LiveLine } from '../terminal/live-line.ts';
import type { ModelChoice } from './choose-model.ts';
import type { RunningModel } from './running-model.ts';

/** A model that can answer. */
export interface ReadyModel {
  readonly model: RunningModel;
  /** Undefined where nothing was loaded. */
  readonly loadMs: number | undefined;
}

/** Loads a model, and says so on a terminal. Throws `CliError.interrupted` where the signal ends it; nothing stays open. */
export async function openModel(choice: ModelChoice, signal: AbortSignal, contextLength?: number): Promise<ReadyModel> {
  const line = process.stderr.isTTY ? new LiveLine(process.stderr) : undefined;
  const model = await choice.open(contextLength);
  const leave = (): void => void model.close();
  signal.addEventListener('abort', leave);
  try {
    if (choice.node === undefined) line?.show(`Loading ${printableName(choice.name)} …`);
    signal.throwIfAborted();
    return { model, loadMs: await model.load() };
  } catch (error) {
    await model.close();
    throw signal.aborted ? CliError.interrupted() : error;
  } finally {
    signal.removeEventListener('abort', leave);
    line?.clear();
  }
}
