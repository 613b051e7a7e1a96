import type { DEFAULT_PORT, MODES } from '@shoal/protocol/donate';
import type { TCP_PORT, WEBSOCKET_PORT } from '@shoal/protocol/shoal';
import type { QUEUE_CAPACITY } from '@shoal/worker/donate';
import type { DEFAULT_CAPACITY } from '@shoal/worker/qmesh';
import type { Setting, SettingTable } from './setting.ts';

/**
 * The settings of doors. Importing a door's package for one number would slow down every command: `satisfies` checks instead
 * that defaults are the same as there.
 */

/** An address or a host name. */
export const HOST = /^[A-Za-z0-9.:-]+$/;
const PUBLIC_KEY = /^[0-9a-f]{64}$/;
const LOOPBACK = '127.0.0.1';

const host = {
  description: 'the address to listen on; 127.0.0.1 is reachable from this machine only',
  schema: (is) => is.matching(HOST, 'a host'),
  default: LOOPBACK,
} as const satisfies Setting;

const maxConnections = {
  description: 'connections at once; more are closed, or replace idle ones',
  schema: (is) => is.whole(1, 65_536),
} as const satisfies Setting;

const allowedKeys = {
  description: 'the public keys of the peers that may connect',
  schema: (is) => is.list(is.matching(PUBLIC_KEY, '64 hex digits'), 1_024, 'public keys'),
} as const satisfies Setting;

export const DOOR_SETTINGS = {
  donate: {
    host: { ...host, flag: '--host <address>', commands: ['donate'] },
    port: {
      description: 'the port to listen on; 0 picks a free one',
      schema: (is) => is.whole(0, 65_535),
      flag: '--port <n>',
      commands: ['donate'],
      default: 17_001 satisfies typeof DEFAULT_PORT,
    },
    maxConnections,
    mode: {
      description: 'answer prompts (local_lm), or run the models that clients send (model_push)',
      schema: (is) => is.oneOf(['model_push', 'local_lm'] as const satisfies typeof MODES),
      flag: '--mode <mode>',
      commands: ['donate'],
      default: 'local_lm',
    },
    queue: {
      description: 'the most jobs that wait',
      schema: (is) => is.whole(1, 10_000),
      flag: '--queue <n>',
      commands: ['donate'],
      default: 64 satisfies typeof QUEUE_CAPACITY,
    },
  },
  qmesh: {
    capacity: {
      description: 'the most prompts that wait and run together',
      schema: (is) => is.whole(1, 10_000),
      flag: '--capacity <n>',
      commands: ['qmesh worker'],
      default: 10 satisfies typeof DEFAULT_CAPACITY,
    },
  },
  localllm: {
    name: {
      description: 'the name of this host that clients see',
      schema: (is) => is.name,
      flag: '--name <name>',
      commands: ['share'],
      unset: 'the name of the node',
    },
    keep: {
      description: 'keep the Server ID; otherwise each start has a new one',
      schema: (is) => is.trueOrFalse,
      flag: '--keep',
      commands: ['share'],
      default: false,
    },
  },
  websocket: {
    host,
    port: {
      description: 'the port to listen on; 0 picks a free one',
      schema: (is) => is.whole(0, 65_535),
      default: 17_003 satisfies typeof WEBSOCKET_PORT,
    },
    maxConnections,
    allowedKeys,
    allowedOrigins: {
      description: 'the origins of the web pages that may connect',
      schema: (is) => is.list(is.text('an origin'), 1_024, 'origins'),
    },
    allowedHosts: {
      description: 'the names of this machine that web pages may connect to',
      schema: (is) => is.list(is.matching(HOST, 'a host'), 1_024, 'hosts'),
    },
  },
  tcp: {
    host,
    port: {
      description: 'the port to listen on; 0 picks a free one',
      schema: (is) => is.whole(0, 65_535),
      default: 17_004 satisfies typeof TCP_PORT,
    },
    maxConnections,
    allowedKeys,
  },
} as const satisfies Readonly<Record<string, SettingTable>>;

export type DoorName = keyof typeof DOOR_SETTINGS;

export const DOOR_NAMES = Object.keys(DOOR_SETTINGS) as readonly DoorName[];
