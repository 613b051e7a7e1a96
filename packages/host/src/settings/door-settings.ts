import { z } from 'zod';
import { nameSchema, whole } from './schema.ts';

const MAX_QUEUE = 10_000;
const MAX_ALLOWED = 1_024;
const MIN_TOKEN_CHARACTERS = 16;
const MAX_TOKEN_CHARACTERS = 1_024;

const HOST = /^[A-Za-z0-9.:-]+$/;
const PUBLIC_KEY = /^[0-9a-f]{64}$/;

/** Long enough that nobody guesses it. */
export const tokenSchema = z
  .string('a text')
  .min(MIN_TOKEN_CHARACTERS, `${MIN_TOKEN_CHARACTERS} to ${MAX_TOKEN_CHARACTERS} characters`)
  .max(MAX_TOKEN_CHARACTERS, `${MIN_TOKEN_CHARACTERS} to ${MAX_TOKEN_CHARACTERS} characters`);

const MAX_CONNECTIONS = 65_536;

const where = {
  host: z.string('a host').regex(HOST, 'a host'),
  port: whole(0, 65_535),
  maxConnections: whole(1, MAX_CONNECTIONS),
};

const peers = {
  ...where,
  allowedKeys: z
    .array(z.string('64 hex digits').regex(PUBLIC_KEY, '64 hex digits'), 'a list of public keys')
    .max(MAX_ALLOWED, `a list of at most ${MAX_ALLOWED} public keys`),
};

/** What each door may be told, by its name. An empty object opens it as it is by default. */
const doorShapes = {
  donate: z
    .strictObject(
      {
        ...where,
        mode: z.enum(['model_push', 'local_lm'], 'model_push or local_lm'),
        queue: whole(1, MAX_QUEUE),
      },
      'an object',
    )
    .partial(),
  qmesh: z.strictObject({ capacity: whole(1, MAX_QUEUE) }, 'an object').partial(),
  localllm: z.strictObject({ name: nameSchema, keep: z.boolean('true or false') }, 'an object').partial(),
  websocket: z
    .strictObject(
      {
        ...peers,
        allowedOrigins: z
          .array(z.string('an origin'), 'a list of origins')
          .max(MAX_ALLOWED, `a list of at most ${MAX_ALLOWED} origins`),
        allowedHosts: z
          .array(z.string('a host').regex(HOST, 'a host'), 'a list of hosts')
          .max(MAX_ALLOWED, `a list of at most ${MAX_ALLOWED} hosts`),
      },
      'an object',
    )
    .partial(),
  tcp: z.strictObject(peers, 'an object').partial(),
} as const;

export type DoorName = keyof typeof doorShapes;

export const DOOR_NAMES = Object.keys(doorShapes) as readonly DoorName[];

export const doorsSchema = z.strictObject(doorShapes, 'an object').partial();

export type DoorSettings = z.infer<typeof doorsSchema>;
