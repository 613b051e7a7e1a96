import { printableName } from '@shoal/host/printable';
import { CliError } from '../cli-error.ts';
import { LiveLine } from '../terminal/live-line.ts';
import type { ModelChoice } from './choose-model.ts';
import type { RunningModel } from './running-model.ts';

/** A loaded model. */
export interface ReadyModel {
  readonly model: RunningModel;
  /** Milliseconds. Undefined if nothing had to be loaded. */
  readonly loadMs: number | undefined;
}

/** Loads a model and shows that on a terminal. Closes the model and throws `CliError.interrupted` if the signal is aborted. */
export async function openModel(choice: ModelChoice, signal: AbortSignal, contextLength?: number): Promise<ReadyModel> {
  const line = process.stderr.isTTY ? new LiveLine(process.stderr) : undefined;
  const model = await choice.open(contextLength);
  const close = (): void => void model.close();
  signal.addEventListener('abort', close);
  try {
    if (choice.node === undefined) line?.show(`Loading ${printableName(choice.name)} …`);
    signal.throwIfAborted();
    return { model, loadMs: await model.load() };
  } catch (error) {
    await model.close();
    throw signal.aborted ? CliError.interrupted() : error;
  } finally {
    signal.removeEventListener('abort', close);
    line?.clear();
  }
}
