/** Runs the cases of one SDK, and prints one JSON line for each: `{ sdk, version, case, ok, detail }`. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Longer than any case takes. */
const CASE_MS = 20_000;
/** A body that is over every limit. */
const HUGE_LENGTH = 17 * 1024 * 1024;

/** All cases, in the order of the table. */
export const CASES = [
  'models',
  'chat',
  'stream',
  'tools',
  'tools streamed',
  'JSON schema',
  'embeddings',
  'responses',
  'responses streamed',
  'count tokens',
  'abort',
  '400',
  '401',
  '404',
  '413',
  '429',
  '503',
  'error in mid-stream',
];

/** What the scripted engine answers; `script.ts` has the same. */
export const GREETING = 'Hello from the scripted engine.';
export const TOOL_REPORT = 'The tool said: ';
export const COUNTED = Array.from({ length: 30 }, (_, index) => index + 1).join(' ');

export const ASK = {
  count: 'script: count to 30',
  endless: 'script: count to 3000',
  weather: 'script: call get_weather {"city":"Paris"}',
  both: 'script: call get_weather {"city":"Paris"}\nscript: call get_time {"zone":"UTC"}',
  failing: 'script: fail after 20',
  overloaded: 'script: refuse with OVERLOADED',
  huge: () => 'word '.repeat(HUGE_LENGTH / 5),
};

export const TOOLS = [
  {
    name: 'get_weather',
    description: 'Returns the weather of a city.',
    schema: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    },
  },
  {
    name: 'get_time',
    description: 'Returns the time of a zone.',
    schema: {
      type: 'object',
      properties: { zone: { type: 'string' } },
      required: ['zone'],
      additionalProperties: false,
    },
  },
];
export const CALLS = [
  { name: 'get_weather', arguments: { city: 'Paris' } },
  { name: 'get_time', arguments: { zone: 'UTC' } },
];

export const PERSON = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' } },
  },
  required: ['name', 'age', 'tags'],
  additionalProperties: false,
};
export const A_PERSON = { name: 'text', age: 1, tags: ['text'] };

/** The SDK folder and the options of the command line: `{ baseUrl, model, keys: { wrong, limited } }`. */
const [, , folder, json] = process.argv;
const require = createRequire(join(folder, 'package.json'));
export const options = JSON.parse(json);

export function load(name) {
  return require(name);
}

function versionOf(name) {
  return require(join(folder, 'node_modules', name, 'package.json')).version;
}

/** `cases` has a function for each case, or the reason why the SDK has none. */
export async function run(sdk, packageName, cases) {
  const version = versionOf(packageName);
  for (const name of CASES) {
    const result = await outcome(cases[name] ?? 'The SDK has no function for it.');
    console.log(JSON.stringify({ sdk, version, case: name, ...result }));
  }
  // An aborted connection of an SDK may keep the process.
  process.exit(0);
}

async function outcome(one) {
  if (typeof one === 'string') return { ok: null, detail: one };
  const late = Promise.withResolvers();
  const timer = setTimeout(() => late.reject(new Error(`It took over ${CASE_MS} ms.`)), CASE_MS);
  try {
    await Promise.race([one(), late.promise]);
    return { ok: true, detail: '' };
  } catch (error) {
    const detail = `${error?.name}: ${error?.message}`.slice(0, 500);
    return { ok: false, detail };
  } finally {
    clearTimeout(timer);
  }
}

/** Checks that a call fails with this status. `statusOf` reads it from the SDK's error. */
export async function failsWith(status, statusOf, call) {
  let value;
  try {
    value = await call();
  } catch (error) {
    assert.equal(statusOf(error), status, `${error?.name}: ${error?.message}`);
    return;
  }
  assert.fail(`There was an answer: ${JSON.stringify(value)?.slice(0, 200)}`);
}

/** Checks that a call fails at all. */
export async function fails(call) {
  const value = await call().catch((error) => error);
  assert.ok(value instanceof Error, `It passed for a success: ${JSON.stringify(value)?.slice(0, 200)}`);
}

export function checkVector(vector) {
  assert.equal(vector.length, 8);
  assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5, `The length is ${Math.hypot(...vector)}.`);
}
