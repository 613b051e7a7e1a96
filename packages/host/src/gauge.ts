import { gaugeResources, type Resources } from '@shoal/worker';
import { writeJson } from '@shoal/files/durable-write';
import { homeFiles, type Home } from './home/home.ts';

/** Gauges this machine anew and keeps the profile in the home, as `resources.json`. */
export async function gaugeHome(home: Home): Promise<Resources> {
  const profile = await gaugeResources(home.state);
  await writeJson(homeFiles(home).resources, profile);
  return profile;
}
