const MODEL = 'echo';
const TEXT = 'One two three four five six seven eight nine ten.';
const MESSAGES = [{ role: 'user', content: TEXT }];
const ANTHROPIC = { 'anthropic-version': '2023-06-01' };

/** A request, and a part of the answer that only a complete one has. */
interface Wanted {
  readonly path: string;
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly end: string;
}

const CHAT = { model: MODEL, messages: MESSAGES };

const WANTED: readonly Wanted[] = [
  { path: '/v1/chat/completions', body: CHAT, end: '"finish_reason":"stop"' },
  { path: '/v1/chat/completions', body: { ...CHAT, stream: true }, end: 'data: [DONE]' },
  { path: '/v1/completions', body: { model: MODEL, prompt: TEXT, stream: true }, end: 'data: [DONE]' },
  { path: '/v1/responses', body: { model: MODEL, input: TEXT, store: false, stream: true }, end: 'response.completed' },
  { path: '/v1/messages', body: { ...CHAT, max_tokens: 50 }, headers: ANTHROPIC, end: '"stop_reason":"end_turn"' },
  { path: '/v1/messages', body: { ...CHAT, max_tokens: 50, stream: true }, headers: ANTHROPIC, end: 'message_stop' },
  { path: '/api/chat', body: CHAT, end: '"done":true' },
  { path: '/api/generate', body: { model: MODEL, prompt: TEXT, stream: false }, end: '"done":true' },
  { path: '/v1/models', end: `"id":"${MODEL}"` },
];

/** Returns calls of all APIs, each of which rejects if its answer is not complete. One of them leaves in the middle. */
export function mixedCalls(url: string): readonly (() => Promise<void>)[] {
  return [...WANTED.map((wanted) => () => complete(url, wanted)), () => leave(url)];
}

async function complete(url: string, { path, body, headers, end }: Wanted): Promise<void> {
  const text = await (await send(url, path, body, headers)).text();
  if (!text.includes(end)) throw new Error(`${path} ended without ${end}: ${text.slice(-200)}`);
}

/** Reads the first bytes of a stream only. */
async function leave(url: string): Promise<void> {
  const { body } = await send(url, '/v1/chat/completions', { ...CHAT, stream: true });
  const reader = body?.getReader();
  const { done = true } = (await reader?.read()) ?? {};
  if (done) throw new Error('A stream had no bytes.');
  await reader?.cancel();
}

async function send(url: string, path: string, body?: object, headers?: Wanted['headers']): Promise<Response> {
  const response = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (response.ok) return response;
  throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`);
}
