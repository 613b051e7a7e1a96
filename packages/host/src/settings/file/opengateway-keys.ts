import { isObject } from '@shoal/protocol/json';

/** The keys of the configuration that OpenGateway's installer writes, with the setting that each means. */
const MEANINGS = { cluster_id: 'clusters', POC_CLUSTER_IDS: 'clusters', node_name: 'name' } as const;
/** Its keys that mean nothing here: there is no registry, and no region is asked for. */
const UNUSED = ['cluster_registry_url', 'region'];

/** Returns a configuration with OpenGateway's keys replaced by ours. A setting of ours that is there too stays. */
export function withoutOpenGatewayKeys(value: unknown): unknown {
  if (!isObject(value)) return value;
  const settings: Record<string, unknown> = {};
  for (const [key, meaning] of Object.entries(MEANINGS)) {
    const given = value[key];
    if (given === undefined || given === null || given === '' || value[meaning] !== undefined) continue;
    const before = settings[meaning];
    settings[meaning] = meaning === 'clusters' ? [...(Array.isArray(before) ? before : []), ...idsOf(given)] : given;
  }
  const own = Object.entries(value).filter(([key]) => !(key in MEANINGS) && !UNUSED.includes(key));
  return { ...settings, ...Object.fromEntries(own) };
}

/** Returns the keys of OpenGateway that a configuration has and that are not used. */
export function unusedKeys(value: unknown): readonly string[] {
  return isObject(value) ? UNUSED.filter((key) => key in value) : [];
}

/** A list, or a text with ids separated by commas. Anything else is left for the schema to refuse. */
function idsOf(given: unknown): readonly unknown[] {
  if (typeof given !== 'string') return Array.isArray(given) ? given : [given];
  return given
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
}
