import { loadConfiguration } from '@shoal/host/configuration';
import { launchSettings } from '@shoal/host/launch-settings';
import { printableText } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { type ChosenEngine, chosenEngine, overview } from '../../engine/overview.ts';
import { columns, print } from '../../terminal/output.ts';

/** `shoal engine list`: shows the engines of this machine, and the one that a node would use. */
export async function listEngines(context: Context): Promise<number> {
  const configuration = await loadConfiguration(context.home, launchSettings({}, process.env));
  const engines = await overview(context.home, configuration);
  const chosen = await choiceOrError(context, configuration);
  const document = {
    engines: engines.map(({ isHere, triedModels, ...engine }) => ({
      ...engine,
      tried_models: triedModels,
      here: isHere,
    })),
    chosen: chosen instanceof ShoalError ? { error: { code: chosen.code, message: chosen.message } } : chosen,
  };
  print(context, document, [
    ...columns([
      ['ENGINE', 'HERE', 'VERSION', ''],
      ...engines.map(({ name, isHere, version = '-', about }) => [
        name,
        isHere ? 'yes' : 'no',
        version,
        printableText(about),
      ]),
    ]),
    '',
    chosen instanceof ShoalError ? `A node would use none: ${chosen.message}` : choiceLine(chosen),
  ]);
  return EXIT.ok;
}

async function choiceOrError(
  { home }: Context,
  configuration: Parameters<typeof chosenEngine>[1],
): Promise<ChosenEngine | ShoalError> {
  try {
    return await chosenEngine(home, configuration);
  } catch (error) {
    if (error instanceof ShoalError) return error;
    throw error;
  }
}

function choiceLine({ engine, model, why }: ChosenEngine): string {
  return printableText(`A node uses ${engine}${model === undefined ? '' : ` for ${model}`}: ${why}.`);
}
