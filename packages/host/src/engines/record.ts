import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '@shoal/files/durable-write';
import { readJson } from '@shoal/files/read';
import { homeFiles, type Home } from '../home/home.ts';

/** The number of measurements that are kept, the newest ones. */
const MEASUREMENTS_MAX = 64;
/** llama-server must be faster by this factor to be preferred. Less may be chance. */
const FASTER_FACTOR = 1.03;

const measurementSchema = z.object({
  /** Machines may share a home. */
  machine: z.string(),
  /** The model's file. */
  model: z.string(),
  /** The llama-server that was measured. */
  server: z.string(),
  measuredAt: z.string(),
  slots: z.int().positive(),
  /** Tokens per second, of all answers together. */
  llama: z.number().nonnegative(),
  llamaServer: z.number().nonnegative(),
});
const recordSchema = z.object({ measurements: z.array(measurementSchema) });

/** The speed of the engines llama and llama-server, measured side by side. */
export type Measurement = Readonly<z.infer<typeof measurementSchema>>;

/** Returns the measurements in this home. Empty if the file is not valid. */
export async function readMeasurements(home: Home): Promise<readonly Measurement[]> {
  const result = recordSchema.safeParse(await readJson(recordPath(home)));
  return result.success ? result.data.measurements : [];
}

/** Saves a measurement. It replaces an older one of the same machine, model and server. */
export async function saveMeasurement(home: Home, measurement: Measurement): Promise<void> {
  const others = (await readMeasurements(home)).filter((other) => !isSame(other, measurement));
  await writeJson(recordPath(home), { measurements: [measurement, ...others].slice(0, MEASUREMENTS_MAX) });
}

/** Returns the measurement of a model on this machine with this server, else the newest one of another model. */
export function relevantMeasurement(
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
