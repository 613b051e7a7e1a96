import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '@shoal/files/durable-write';
import { readJson } from '@shoal/files/read';
import { homeFiles, type Home } from '../home/home.ts';

/** Measurements that are kept, the newest of them. */
const MEASUREMENTS_MAX = 64;
/** By so much llama-server must be faster to be preferred: less is chance. */
const FASTER_FACTOR = 1.03;

const measurementSchema = z.object({
  /** A home may be shared by machines. */
  machine: z.string(),
  /** The model's file. */
  model: z.string(),
  /** The llama-server that was measured. */
  server: z.string(),
  measuredAt: z.string(),
  slots: z.int().positive(),
  /** Tokens a second, all answers together. */
  llama: z.number().nonnegative(),
  llamaServer: z.number().nonnegative(),
});
const recordSchema = z.object({ measurements: z.array(measurementSchema) });

/** How fast the two ways to run llama.cpp were, side by side. */
export type Measurement = Readonly<z.infer<typeof measurementSchema>>;

/** What was measured in this home; nothing where the file is of no use any more. */
export async function readMeasurements(home: Home): Promise<readonly Measurement[]> {
  const result = recordSchema.safeParse(await readJson(recordPath(home)));
  return result.success ? result.data.measurements : [];
}

/** Takes the place of an older measurement of the same machine, model and server. */
export async function remember(home: Home, measurement: Measurement): Promise<void> {
  const others = (await readMeasurements(home)).filter((other) => !isSame(other, measurement));
  await writeJson(recordPath(home), { measurements: [measurement, ...others].slice(0, MEASUREMENTS_MAX) });
}

/** What says most about a model on this machine with this server: its own measurement, else the newest of another model. */
export function relevant(
  measurements: readonly Measurement[],
  machine: string,
  server: string,
  model: string | undefined,
): Measurement | undefined {
  const here = measurements.filter((one) => one.machine === machine && one.server === server);
  return here.find((one) => one.model === model) ?? here[0];
}

export function isServerFaster({ llama, llamaServer }: Measurement): boolean {
  return llamaServer > llama * FASTER_FACTOR;
}

function isSame(one: Measurement, other: Measurement): boolean {
  return one.machine === other.machine && one.model === other.model && one.server === other.server;
}

function recordPath(home: Home): string {
  return join(homeFiles(home).cache, 'engines.json');
}
