import { dirname, resolve } from 'node:path';
import { homeFiles, type Home } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol/error';
import { LAUNCHER } from '../node/launcher.ts';

/** The variables that say where the node's files are. */
const PLACES = [
  'SHOAL_HOME',
  'OPENGATEWAY_POC_ROOT',
  'SHOAL_MODELS',
  'XDG_CONFIG_HOME',
  'XDG_STATE_HOME',
  'XDG_DATA_HOME',
];

/** Until a service manager kills the node. A node completes its answers within 30 s, and then closes. */
export const STOP_TIMEOUT_S = 45;

/** The service of one node, for any service manager. */
export interface ServicePlan {
  /** `shoal`, or `shoal-NAME`. */
  readonly name: string;
  /** Absolute paths of Node and of Shoal, then the arguments. */
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  /** Folders that the node writes to. */
  readonly writable: readonly string[];
  readonly log: string;
}

/** Plans the service of a home's node. Throws `INVALID_REQUEST` for a path that no service file can contain. */
export function planService(home: Home, environment: NodeJS.ProcessEnv = process.env): ServicePlan {
  const { log, engines } = homeFiles(home);
  const node = home.node === undefined ? [] : ['--node', home.node];
  const places = PLACES.flatMap((name) => {
    const value = environment[name];
    if (value === undefined || value === '') return [];
    // A service has another working folder. Relative paths in variables of XDG do not count.
    return [[name, name.startsWith('XDG_') ? value : resolve(value)] as const];
  });
  const plan: ServicePlan = {
    name: serviceName(home),
    command: [process.execPath, LAUNCHER, 'serve', ...node],
    environment: Object.fromEntries(places),
    writable: [...new Set([home.config, home.state, home.data, dirname(engines), home.models ?? home.data])],
    log,
  };
  const broken = [...plan.command, ...plan.writable, ...Object.values(plan.environment)].find((text) =>
    /[\r\n]/.test(text),
  );
  if (broken === undefined) return plan;
  throw ShoalError.invalidRequest(`${JSON.stringify(broken)} contains a line break. Move it to another folder.`);
}

function serviceName({ node }: Home): string {
  return node === undefined ? 'shoal' : `shoal-${node}`;
}
