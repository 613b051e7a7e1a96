import { ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';

/** The largest QMesh frame in either direction. A peer that sends a larger one is disconnected. */
export const MAX_FRAME_BYTES = 10 * 1024 * 1024;
/** The longest QMesh prompt, measured as its message. A longer one is refused. */
export const MAX_PROMPT_BYTES = 1024 * 1024;
/** The longest id of a QMesh worker or request, in UTF-16 units. A message with a longer one is refused. */
export const MAX_ID_LENGTH = 256;
/** The largest count of tokens and of places in a queue. */
export const MAX_COUNT = 0x7fff_ffff;
export const MAX_TEMPERATURE = 10;

/** Defaults of a request without these options. */
export const DEFAULT_MAX_TOKENS = 200;
export const DEFAULT_TEMPERATURE = 0.7;

const STATES = ['healthy', 'busy', 'overloaded'] as const;

export interface HealthReport {
  /** 0 to 100. */
  readonly score: number;
  /** Derived from the unrounded score: above 60, 20 to 60, below 20. */
  readonly state: (typeof STATES)[number];
  /** Percent in use, 0 to 100. */
  readonly cpu: number;
  readonly memory: number;
  /** Waiting and running requests. */
  readonly queueSize: number;
  readonly queueCapacity: number;
  readonly canAcceptRequests: boolean;
}

/** A worker's health, broadcast (`status`) or requested (`status_response`). */
export interface WorkerReport {
  readonly workerId: string;
  readonly health: HealthReport;
}

export interface PromptOptions {
  readonly maxTokens: number;
  readonly temperature: number;
}

export interface InferenceResult {
  readonly text: string;
  /** Tokens generated. */
  readonly tokens: number;
  /** From the start of the generation to its end, in milliseconds. */
  readonly duration: number;
  readonly tokensPerSecond: number;
}

/** Returns the id of a request for the status. Undefined for a worker's broadcast, which is never answered. */
export function readStatusRequest(message: JsonObject): string | undefined {
  const fields = new Fields(message, 'status');
  return fields.has('health') ? undefined : readRequestId(fields);
}

export function readReport(message: JsonObject): WorkerReport {
  const fields = new Fields(message, 'status');
  const health = fields.required('health', fields.object('health'));
  return { workerId: fields.required('workerId', readId(fields, 'workerId')), health: readHealth(health) };
}

export function readPromptId(message: JsonObject): string {
  return readRequestId(new Fields(message, 'prompt'));
}

/** Returns undefined for a request without a prompt. */
export function readPrompt({ prompt }: JsonObject): string | undefined {
  return typeof prompt === 'string' && prompt !== '' ? prompt : undefined;
}

export function readPromptOptions(message: JsonObject): PromptOptions {
  const options = new Fields(message, 'prompt').object('options');
  return {
    // 0 is the default in QMesh's program too.
    maxTokens: options?.integer('maxTokens', 0, MAX_COUNT) || DEFAULT_MAX_TOKENS,
    temperature: options?.number('temperature', 0, MAX_TEMPERATURE) ?? DEFAULT_TEMPERATURE,
  };
}

/** Returns the id of the request that a message answers. Undefined for the error of a message that could not be read. */
export function readAnsweredId(message: JsonObject): string | undefined {
  return readId(new Fields(message, 'answer'), 'requestId');
}

export function readResult(message: JsonObject): InferenceResult {
  const fields = new Fields(message, 'inference_result');
  const result = fields.required('result', fields.object('result'));
  return {
    text: result.required('text', result.string('text')),
    tokens: result.integer('tokens', 0, MAX_COUNT) ?? 0,
    duration: result.number('duration', 0, Infinity) ?? 0,
    tokensPerSecond: result.number('tokensPerSecond', 0, Infinity) ?? 0,
  };
}

export function readErrorText(message: JsonObject): string {
  return new Fields(message, 'inference_error').string('error') ?? '';
}

function readHealth(fields: Fields): HealthReport {
  const state = fields.required('state', fields.string('state'));
  if (!isState(state)) throw ShoalError.badMessage(`health: "state" must be one of ${STATES.join(', ')}.`);
  return {
    score: fields.required('score', readPercent(fields, 'score')),
    state,
    cpu: readPercent(fields, 'cpu') ?? 0,
    memory: readPercent(fields, 'memory') ?? 0,
    queueSize: fields.integer('queueSize', 0, MAX_COUNT) ?? 0,
    queueCapacity: fields.integer('queueCapacity', 0, MAX_COUNT) ?? 0,
    canAcceptRequests: fields.boolean('canAcceptRequests') ?? state !== 'overloaded',
  };
}

/** Some programs report more than 100 percent. The value is limited to 0 to 100. */
function readPercent(fields: Fields, name: string): number | undefined {
  const value = fields.number(name, -Infinity, Infinity);
  return value === undefined ? undefined : Math.min(100, Math.max(0, value));
}

function isState(state: string): state is HealthReport['state'] {
  return STATES.some((known) => known === state);
}

function readRequestId(fields: Fields): string {
  return fields.required('requestId', readId(fields, 'requestId'));
}

function readId(fields: Fields, name: string): string | undefined {
  const id = fields.string(name);
  if (id !== undefined && id.length > MAX_ID_LENGTH) {
    throw ShoalError.badMessage(`"${name}" may have at most ${MAX_ID_LENGTH} characters.`);
  }
  return id;
}
