import { loadConfiguration, type Configuration } from '@shoal/host/configuration';
import { type Flags, launchSettings } from '@shoal/host/launch-settings';
import { readLastRun } from '@shoal/host/launch';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { givenSettings } from '../../given-settings.ts';
import { createLogger } from '@shoal/host/log';
import { fail, type Check } from '../../doctor/check.ts';
import { checkDoors, checkOllama } from '../../doctor/lending.ts';
import {
  checkDemoModel,
  checkDisk,
  checkGpu,
  checkLlama,
  checkMemory,
  checkNodeVersion,
  checkOptional,
} from '../../doctor/machine.ts';
import { checkDht, checkHome, checkPort } from '../../doctor/node.ts';
import { columns, print } from '../../terminal/output.ts';

/** `shoal doctor`: fails only if a node cannot run. */
export async function doctor(context: Context, options: object): Promise<number> {
  const configuration = await readConfiguration(context, givenSettings('doctor', options));
  const checks = [
    checkNodeVersion(),
    checkHome(context.home),
    configuration instanceof ShoalError ? wrongConfiguration(configuration) : undefined,
    configuration instanceof ShoalError ? undefined : await checkPort(context.home, configuration.port),
    configuration instanceof ShoalError ? undefined : await checkDht(configuration.bootstrap),
    await checkLlama(),
    ...(configuration instanceof ShoalError ? [] : await checkLending(context, configuration)),
    checkDemoModel(),
    await checkGpu(context.home),
    checkMemory(),
    await checkDisk(context.home),
    await checkOptional('Python', 'python3', ['--version']),
    await checkOptional('EXO', 'exo', ['--help']),
  ].filter((check) => check !== undefined);
  print(context, { ok: checks.every(isFine), checks }, checkLines(checks));
  return checks.every(isFine) ? EXIT.ok : EXIT.failed;
}

async function checkLending({ home }: Context, configuration: Configuration): Promise<readonly (Check | undefined)[]> {
  const log = createLogger('error');
  return [await checkOllama(home, configuration, log), ...(await checkDoors(home, configuration))];
}

/** Returns the configuration that a restart would use: these flags and variables, else those of the last start. */
async function readConfiguration({ home }: Context, flags: Flags): Promise<Configuration | ShoalError> {
  try {
    return await loadConfiguration(home, {
      ...(await readLastRun(home))?.settings,
      ...launchSettings(flags, process.env),
    });
  } catch (error) {
    if (error instanceof ShoalError) return error;
    throw error;
  }
}

function wrongConfiguration(error: ShoalError): Check {
  return fail('Configuration', error.message, 'correct it there');
}

function isFine({ level }: Check): boolean {
  return level !== 'fail';
}

function checkLines(checks: readonly Check[]): string[] {
  return columns(
    checks.map(({ level, name, message, remedy }) => [
      level,
      name,
      remedy ? `${message.replace(/\.$/, '')}. To do: ${remedy}` : message,
    ]),
  );
}
