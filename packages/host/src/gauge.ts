import { gaugeResources, type Resources } from '@shoal/worker';
import { writeJson } from '@shoal/files/durable-write';
import { homeFiles, type Home } from './home/home.ts';

/** Measures the resources of this machine and saves them as `resources.json` in the home. */
export async function gaugeHome(home: Home): Promise<Resources> {
  const profile = await gaugeResources(home.state);
  await writeJson(homeFiles(home).resources, profile);
  return profile;
}
