import { ShoalError } from '@shoal/protocol';
import { checkClusterId } from '@shoal/protocol/opengateway';
import { z } from 'zod';
import { doorsSchema, tokenSchema } from './door-settings.ts';
import { durationSchema, keysAt, nameSchema, whole } from './schema.ts';

const MAX_CLUSTERS = 64;
const MAX_BOOTSTRAP_NODES = 32;
const MAX_PEERS = 64;
const MAX_MODEL_FOLDERS = 64;
const MAX_OTHER_MODELS = 64;
const MAX_CONTEXT_TOKENS = 16_777_216;
const MAX_GPU_LAYERS = 1_024;
const MAX_THREADS = 1_024;
const MAX_SLOTS = 64;
const MAX_QUEUE = 10_000;
const MAX_ANSWER_TOKENS = 1_048_576;
const MAX_KEY_CHARACTERS = 4_096;
const KEY_LENGTH = `1 to ${MAX_KEY_CHARACTERS} characters`;

/** What can turn prompts into answers; `auto` is llama.cpp in whichever way is faster here. */
export const ENGINES = ['auto', 'llama', 'llama-server', 'ollama', 'openai', 'echo'] as const;
export type EngineName = (typeof ENGINES)[number];

/** Those that run a GGUF file of this machine. */
export function runsFiles(engine: EngineName): boolean {
  return engine === 'auto' || engine === 'llama' || engine === 'llama-server';
}

const PEER_ADDRESS = /^(wss?|tcp):\/\/\S+$/;
const HOST_AND_PORT = /^[A-Za-z0-9.-]+:\d{1,5}$/;

/** Every message of the schema says what is expected, so that it can stand behind "must be". */
const schema = z
  .strictObject(
    {
      name: nameSchema,
      lend: z.boolean('true or false'),
      clusters: z
        .array(
          z.string('a text').refine(isClusterId, '1 to 255 bytes of UTF-8 without control characters'),
          'a list of ids',
        )
        .max(MAX_CLUSTERS, `a list of at most ${MAX_CLUSTERS} ids`),
      bootstrap: z
        .array(z.string('"host:port"').regex(HOST_AND_PORT, '"host:port"'), 'a list of "host:port"')
        .max(MAX_BOOTSTRAP_NODES, `a list of at most ${MAX_BOOTSTRAP_NODES} nodes`),
      engine: z.enum(ENGINES, `one of ${ENGINES.join(', ')}`),
      model: z.string('a GGUF file, or the name of a model').min(1, 'a GGUF file, or the name of a model'),
      modelName: nameSchema,
      /** More of them to lend, each loaded when it is first asked for. */
      otherModels: z
        .array(z.string('a model').min(1, 'a model'), 'a list of models')
        .max(MAX_OTHER_MODELS, `a list of at most ${MAX_OTHER_MODELS} models`),
      /** How long a model stays in memory after its last answer. */
      keepAlive: durationSchema,
      /** What all models in memory may take together, in GiB. */
      memoryBudget: z.number('a number of GiB').positive('a number of GiB'),
      /** Where GGUF files are that are models by their names. */
      modelFolders: z
        .array(z.string('a folder').min(1, 'a folder'), 'a list of folders')
        .max(MAX_MODEL_FOLDERS, `a list of at most ${MAX_MODEL_FOLDERS} folders`),
      contextLength: whole(1, MAX_CONTEXT_TOKENS),
      gpuLayers: whole(-1, MAX_GPU_LAYERS),
      threads: whole(1, MAX_THREADS),
      slots: whole(1, MAX_SLOTS),
      queue: whole(0, MAX_QUEUE),
      maxTokens: whole(1, MAX_ANSWER_TOKENS),
      port: whole(0, 65_535),
      doors: doorsSchema,
      /** Required of peers at our WebSocket and TCP doors. */
      doorToken: tokenSchema,
      /** Shown to the peers that we dial. Not our own doors' token: whoever is shown that could come in. */
      peerToken: tokenSchema,
      peers: z
        .array(z.string('an address').regex(PEER_ADDRESS, 'ws://…, wss://… or tcp://host:port'), 'a list of addresses')
        .max(MAX_PEERS, `a list of at most ${MAX_PEERS} addresses`),
      opengateway: z.strictObject({ paddedTopic: z.boolean('true or false') }, 'an object'),
      /** llama.cpp's own server; absent: a build of ours, or the one in PATH. */
      llamaServer: z.string('a program').min(1, 'a program'),
      ollamaUrl: z.string('"host:port" or an http URL').min(1, '"host:port" or an http URL'),
      /** Where the API of an OpenAI-compatible server begins. */
      openaiUrl: z.string('an http URL').min(1, 'an http URL'),
      /** What that server asks for. */
      openaiKey: z.string('a text').min(1, KEY_LENGTH).max(MAX_KEY_CHARACTERS, KEY_LENGTH),
      logLevel: z.enum(['debug', 'info', 'warn', 'error'], 'one of debug, info, warn and error'),
    },
    'an object',
  )
  .partial();

/** What one place says: flags, environment or file. Nothing is required of any of them. */
export type Settings = z.infer<typeof schema>;
export type SettingName = keyof Settings;

/**
 * Checks what one place says. `describe` names a setting as that place writes it (`--slots`, `SHOAL_PORT`, a file and a
 * key). Throws `INVALID_REQUEST` that names the first wrong setting and what is expected of it.
 */
export function parseSettings(value: unknown, describe: (path: string) => string): Settings {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).join('.');
  if (issue?.code === 'unrecognized_keys') {
    const key = [path, issue.keys[0]].filter(Boolean).join('.');
    const known = keysAt(schema, issue.path).join(', ');
    throw ShoalError.invalidRequest(`${describe(key)} is not a setting. There are: ${known}.`);
  }
  throw ShoalError.invalidRequest(`${describe(path)} must be ${issue?.message ?? 'something else'}.`);
}

function isClusterId(id: string): boolean {
  try {
    checkClusterId(id);
    return true;
  } catch (error) {
    if (error instanceof ShoalError) return false;
    throw error;
  }
}
