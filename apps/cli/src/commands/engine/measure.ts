import { mkdir } from 'node:fs/promises';
import { machineName } from '@shoal/engine/llama-server';
import type { Configuration } from '@shoal/host/configuration';
import { createEngine } from '@shoal/host/engines';
import { locateLlamaServer } from '@shoal/host/engines/places';
import { isServerFaster, type Measurement, saveMeasurement } from '@shoal/host/engines/record';
import { homeFiles, prepareHome } from '@shoal/host/home';
import { createLogger } from '@shoal/host/log';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { doorConfiguration } from '../../door/door-worker.ts';
import { givenSettings } from '../../given-settings.ts';
import { compareEngines } from '../../engine/measure.ts';
import { modelPath } from '../../engine/overview.ts';
import { LiveLine } from '../../terminal/live-line.ts';
import { interruptible } from '../../models/interruptible.ts';
import { columns, count, print } from '../../terminal/output.ts';

/** `shoal engine measure`: measures llama and llama-server in turns with one model. `auto` then uses the faster one. */
export async function measureEngines(context: Context, options: object): Promise<number> {
  const { home } = context;
  prepareHome(home);
  const configuration = await doorConfiguration(context, givenSettings('engine measure', options));
  const server = locateLlamaServer(home, configuration.llamaServer);
  if (server === undefined) {
    throw ShoalError.invalidRequest('There is no llama-server to compare with. Build one with "shoal engine build".');
  }
  const path = await modelPath(home, configuration);
  if (path === undefined) throw ShoalError.invalidRequest('There is no model to measure with. Name one with --model.');
  const figures = await interruptible((signal) => measure(context, { ...configuration, model: path }, signal));
  const measurement = {
    machine: machineName(),
    model: path,
    server: server.path,
    measuredAt: new Date().toISOString(),
    ...figures,
  };
  await mkdir(homeFiles(home).cache, { recursive: true });
  await saveMeasurement(home, measurement);
  const faster = isServerFaster(measurement) ? 'llama-server' : 'llama';
  print(context, { ...measurement, auto: faster }, lines(measurement, faster));
  return EXIT.ok;
}

type Figures = Pick<Measurement, 'slots' | 'llama' | 'llamaServer'>;

async function measure({ home }: Context, configuration: Configuration, signal: AbortSignal): Promise<Figures> {
  const line = new LiveLine(process.stderr);
  const log = createLogger('error');
  const llama = await createEngine({ ...configuration, engine: 'llama' }, home, log);
  const server = await createEngine({ ...configuration, engine: 'llama-server' }, home, log);
  try {
    line.show('Loading the model twice …');
    for (const engine of [llama, server]) await engine.models();
    const { slots } = llama.abilities;
    const [ours = 0, theirs = 0] = await compareEngines([llama, server], slots, signal, ({ name }, round, rounds) =>
      line.show(`Round ${round} of ${rounds}: ${name} …`),
    );
    return { slots, llama: ours, llamaServer: theirs };
  } finally {
    line.clear();
    await Promise.all([llama.close(), server.close()]);
  }
}

function lines({ slots, llama, llamaServer }: Measurement, faster: string): string[] {
  return [
    ...columns([
      ['llama', `${llama.toFixed(1)} tokens/s`],
      ['llama-server', `${llamaServer.toFixed(1)} tokens/s`],
    ]),
    `${count(slots, 'answer')} at once. The engine auto uses ${faster} here.`,
  ];
}
