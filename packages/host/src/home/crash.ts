import { rm } from 'node:fs/promises';
import { ShoalError } from '@shoal/protocol/error';
import { writeJson } from '@shoal/files/durable-write';
import { readJson } from '@shoal/files/read';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import { homeFiles, type Home } from './home.ts';

/**
 * The member of `launch.json` that is not a setting: `{ secrets, ended }`. Files of version 0.1.0 lack it. This file reads it
 * alone, because checking the settings takes longer than most commands.
 */
export const RUN = 'run';

/** True if the last run of a home's node was not told to end. */
export async function hasCrashed(home: Home): Promise<boolean> {
  return (await unendedRun(home)) !== undefined;
}

/** Records that the last run is not to be continued. */
export async function forgetCrash(home: Home): Promise<void> {
  const launch = await unendedRun(home);
  if (launch === undefined) return;
  const ended = { ...launch, [RUN]: { ...Object(launch[RUN]), ended: true } };
  await recordEnd(home, writeJson(homeFiles(home).launch, ended));
}

/**
 * Waits for the write which records that the run has ended. If the disk is full, the record of the run is removed instead: a run
 * without a record is not continued, and a node must stop on a full disk too.
 */
export async function recordEnd(home: Home, write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (ShoalError.from(error).code !== 'STORAGE_FULL') throw error;
    await rm(homeFiles(home).launch, { force: true });
  }
}

async function unendedRun(home: Home): Promise<JsonObject | undefined> {
  const launch = await readJson(homeFiles(home).launch);
  const run = isObject(launch) ? launch[RUN] : undefined;
  return isObject(launch) && isObject(run) && run['ended'] === false ? launch : undefined;
}
