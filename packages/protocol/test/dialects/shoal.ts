import { ABILITIES, type InferenceEvent, messageFramer, ndjsonFramer } from '../../src/index.ts';
import { type InferenceRequest, promptInput } from '../../src/request.ts';
import { ShoalError } from '../../src/error.ts';
import {
  HEARTBEAT_MS,
  INITIAL_CREDIT_BYTES,
  MAX_REQUEST_BYTES,
  ShoalClient,
  ShoalServer,
} from '../../src/shoal/index.ts';
import type { Conversation } from './conversation.ts';
import type { DialectEntry } from './dialect-entry.ts';
import { lines } from './frames.ts';
import { HELLO, peerSession, peerSpeaker, workerSession } from './peer-session.ts';

/** A request with every option at once, and a request for embeddings. */
const REQUESTS = [
  {
    type: 'inference_request',
    request_id: 'tools',
    messages: [
      { role: 'user', content: 'Is it raining?' },
      { role: 'assistant', tool_calls: [{ id: 'a', name: 'weather', arguments: '{}' }] },
      { role: 'tool', content: 'yes', tool_call_id: 'a' },
    ],
    tools: [{ name: 'weather', description: 'Tells it.', parameters: { type: 'object', properties: { at: {} } } }],
    tool_choice: { name: 'weather' },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', schema: { enum: [null, 1] } },
    logprobs: 3,
    reasoning: true,
    context_length: 4_096,
    keep_alive_ms: -1,
    count_only: false,
    repeat_penalty: 1.1,
    presence_penalty: -1,
    frequency_penalty: 1,
    logit_bias: [[1, -100]],
  },
  { type: 'inference_request', request_id: 'vectors', embed: ['a', '🐟'] },
];

const hostile = {
  greeting: HELLO,
  more: REQUESTS,
  request: (id: string, prompt: string) => ({ type: 'inference_request', request_id: id, prompt }),
  isError: ({ type }: { readonly [key: string]: unknown }) => type === 'inference_error',
};

export const shoal: DialectEntry = {
  contract: {
    name: 'shoal',
    client: (encode) => new ShoalClient(encode, 'me'),
    server: (encode, nextId) => new ShoalServer(encode, nextId),
    streams: true,
    carriesAbort: true,
    carriesAll: true,
  },
  hostile: [
    {
      ...hostile,
      name: 'shoal over TCP',
      session: () => workerSession(ndjsonFramer(MAX_REQUEST_BYTES), true),
      ...lines(),
    },
    {
      ...hostile,
      name: 'shoal over WebSocket',
      session: () => workerSession(messageFramer(MAX_REQUEST_BYTES), true),
      frame: (body) => body,
      body: (frame) => frame,
      cuttable: false,
    },
  ],
  conversations: { shoal: conversation },
};

function conversation(): Conversation {
  const client = peerSession('NodeC', 'c0', []);
  const worker = peerSession('NodeA', 'a0', ['tiny'], ABILITIES);
  const ask =
    (id: number, prompt: string, more: Partial<InferenceRequest> = {}) =>
    () =>
      client.ask(
        id,
        { input: promptInput(prompt), sampling: { temperature: 0 }, stop: [], deadlineMs: 60_000, ...more },
        0,
      );
  const respond = (id: number, event: InferenceEvent) => () => worker.respond(id, event, 0);
  const sendText = (id: number, text: string, tokens: number[]) => respond(id, { type: 'text', text, tokens });
  const weather = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const likely = { token: 19, text: '4', logprob: -0.25 };
  const usage = { promptTokens: 12, completionTokens: 6 };
  const full = new ShoalError('QUEUE_FULL', 'All 1 slots are taken and 16 requests wait.', { retryAfterMs: 1_000 });
  return {
    client: peerSpeaker(client),
    worker: peerSpeaker(worker),
    turns: [
      { by: 'client', act: ask(1, 'What is 2+2?') },
      { by: 'worker', act: () => worker.respond(1, { type: 'queued', position: 1 }, 0) },
      { by: 'client', act: () => client.tick(HEARTBEAT_MS) },
      { by: 'worker', act: sendText(1, '2 + 2 = ', [17, 10, 17, 28]) },
      { by: 'worker', act: sendText(1, '4 🐟', [19, 280]) },
      // A reader grants credit at any time while it reads a long answer.
      { by: 'client', act: () => client.consumed(1, INITIAL_CREDIT_BYTES / 4) },
      {
        by: 'worker',
        act: () => worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken', usage }, 0),
      },
      { by: 'client', act: ask(2, 'Count to a million.') },
      { by: 'worker', act: sendText(2, '1 2 3', [16, 17, 18]) },
      { by: 'client', act: () => client.abort(2) },
      { by: 'client', act: ask(3, 'And now?') },
      { by: 'worker', act: () => worker.respond(3, { type: 'error', error: full }, 0) },
      {
        by: 'client',
        act: ask(4, 'Is it raining in Kiel?', {
          tools: [{ name: 'weather', description: 'Tells the weather.', parameters: weather }],
          toolChoice: 'required',
        }),
      },
      {
        by: 'worker',
        act: respond(4, {
          type: 'tool_call',
          index: 0,
          id: 'call_1',
          name: 'weather',
          arguments: '{"city":',
          tokens: [21, 22],
        }),
      },
      { by: 'worker', act: respond(4, { type: 'tool_call', index: 0, arguments: ' "Kiel"}', tokens: [23] }) },
      {
        by: 'worker',
        act: respond(4, {
          type: 'finish',
          reason: 'tool_calls',
          rawReason: 'eogToken',
          usage: { promptTokens: 60, cachedTokens: 12, completionTokens: 4 },
        }),
      },
      {
        by: 'client',
        act: ask(5, 'What is 2+2?', {
          logprobs: 2,
          format: { type: 'json' },
          sampling: { repeatPenalty: 1.1, logitBias: [[7, -100]] },
        }),
      },
      {
        by: 'worker',
        act: respond(5, {
          type: 'text',
          text: '4',
          tokens: [19],
          logprobs: [{ ...likely, top: [likely, { token: 20, text: '5', logprob: -1.5 }] }],
        }),
      },
      { by: 'worker', act: respond(5, { type: 'finish', reason: 'length', rawReason: 'maxTokens', usage }) },
      { by: 'client', act: ask(6, '', { input: { type: 'embeddings', texts: ['four', 'fish'] }, sampling: {} }) },
      { by: 'worker', act: respond(6, { type: 'embedding', index: 0, vector: [0.5, -0.5, 0.5, -0.5] }) },
      { by: 'worker', act: respond(6, { type: 'embedding', index: 1, vector: [1, 0, 0, 0] }) },
      {
        by: 'worker',
        act: respond(6, {
          type: 'finish',
          reason: 'stop',
          rawReason: 'embedded',
          usage: { promptTokens: 4, completionTokens: 0 },
        }),
      },
      { by: 'client', act: ask(7, 'What is 2+2?', { reasoning: true, contextLength: 4_096 }) },
      { by: 'worker', act: respond(7, { type: 'reasoning', text: 'Two and two.', tokens: [31, 32] }) },
      { by: 'worker', act: sendText(7, '4', [19]) },
      {
        by: 'worker',
        act: respond(7, {
          type: 'finish',
          reason: 'stop',
          rawReason: 'eogToken',
          usage: { ...usage, completionTokens: 3 },
        }),
      },
      { by: 'client', act: ask(8, 'What is 2+2?', { countOnly: true }) },
      {
        by: 'worker',
        act: respond(8, {
          type: 'finish',
          reason: 'stop',
          rawReason: 'count',
          usage: { promptTokens: 12, completionTokens: 0 },
        }),
      },
    ],
  };
}
