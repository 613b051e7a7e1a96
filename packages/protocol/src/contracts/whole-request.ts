import { ShoalError } from '../error.ts';
import type { FinishEvent, InferenceEvent } from '../event.ts';
import { promptInput, type InferenceRequest } from '../request.ts';
import type { Harness } from './harness.ts';
import {
  openRequest,
  type DialectSubject,
  isHandled,
  REQUEST,
  sentMessage,
  sides,
  withWrongTypes,
} from './two-sides.ts';

const TOOLS_REQUEST: InferenceRequest = {
  model: 'tiny',
  input: {
    type: 'messages',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Is it raining in Kiel?' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'weather', arguments: '{"at":"Kiel"}' }] },
      { role: 'tool', content: 'yes', toolCallId: 'a' },
    ],
  },
  sampling: {
    temperature: 0,
    repeatPenalty: 1.1,
    presencePenalty: 0.5,
    frequencyPenalty: -0.5,
    logitBias: [[7, -100]],
  },
  stop: ['\n'],
  tools: [{ name: 'weather', description: 'Returns the weather.', parameters: { type: 'object', properties: {} } }],
  toolChoice: { name: 'weather' },
  parallelToolCalls: false,
};
const JSON_REQUEST: InferenceRequest = {
  ...REQUEST,
  format: { type: 'json_schema', schema: { type: 'object', required: ['sum'] } },
};
const LOGPROBS_REQUEST: InferenceRequest = { ...REQUEST, logprobs: 1 };
/** A count, with every option that concerns the prompt. */
const COUNT_REQUEST: InferenceRequest = { ...REQUEST, countOnly: true, contextLength: 4_096, keepAliveMs: -1 };
const VECTORS_COUNT_REQUEST: InferenceRequest = {
  input: { type: 'embeddings', texts: ['four'] },
  sampling: {},
  stop: [],
  countOnly: true,
};
const REASONING_REQUEST: InferenceRequest = { ...REQUEST, reasoning: true };
const VECTORS_REQUEST: InferenceRequest = {
  input: { type: 'embeddings', texts: ['four', '🐟'] },
  sampling: {},
  stop: [],
};

const FINISH: FinishEvent = {
  type: 'finish',
  reason: 'tool_calls',
  rawReason: 'eos',
  usage: { promptTokens: 9, cachedTokens: 4, completionTokens: 5 },
};
const TOOLS_ANSWER: readonly InferenceEvent[] = [
  { type: 'text', text: 'Let me see. ', tokens: [1, 2] },
  { type: 'tool_call', index: 0, id: 'b', name: 'weather', arguments: '{"at":', tokens: [3] },
  { type: 'tool_call', index: 0, arguments: '"Kiel 🐟"}', tokens: [] },
  { type: 'tool_call', index: 1, id: 'c', name: 'weather', arguments: '{}', tokens: [4, 5] },
];
const likely = { token: 7, text: '4', logprob: -0.25 };
const LOGPROBS_ANSWER: readonly InferenceEvent[] = [
  { type: 'text', text: '4', tokens: [7], logprobs: [{ ...likely, top: [likely] }] },
  { type: 'text', text: '2', tokens: [8], logprobs: [{ token: 8, text: '2', logprob: -1, top: [] }] },
];
const REASONING_ANSWER: readonly InferenceEvent[] = [
  { type: 'reasoning', text: 'Two and two 🐟', tokens: [1, 2] },
  { type: 'reasoning', text: '', tokens: [3] },
  { type: 'text', text: '4', tokens: [4] },
];
const VECTORS_ANSWER: readonly InferenceEvent[] = [
  { type: 'embedding', index: 0, vector: [0.5, -0.5] },
  { type: 'embedding', index: 1, vector: [1, 0] },
];

const CASES = [
  ['tools', TOOLS_REQUEST, TOOLS_ANSWER],
  ['a JSON format', JSON_REQUEST, [{ type: 'text', text: '{"sum":4}', tokens: [1] }]],
  ['log probabilities', LOGPROBS_REQUEST, LOGPROBS_ANSWER],
  ['embeddings', VECTORS_REQUEST, VECTORS_ANSWER],
  ['a count', COUNT_REQUEST, []],
  ['a count of texts', VECTORS_COUNT_REQUEST, []],
] as const satisfies readonly (readonly [string, InferenceRequest, readonly InferenceEvent[]])[];

/** Reasoning may be ignored: a dialect without it carries the answer alone. */
const CARRIED_CASES = [...CASES, ['reasoning', REASONING_REQUEST, REASONING_ANSWER]] as const;

/** Cases for requests that are more than a prompt: a dialect carries them completely or refuses them before sending. */
export function wholeRequestCases(harness: Harness, subject: DialectSubject): void {
  if (subject.carriesAll) return carriesCases(harness, subject);
  const { test, skip, equal } = harness;
  const { name } = subject;
  skip(
    `${name}: tools, JSON, log probabilities, vectors and counts arrive unchanged`,
    'The dialect carries only prompts.',
  );
  test(`${name}: a request that the dialect cannot carry is refused before it is sent`, () => {
    for (const [what, request] of CASES) {
      equal([what, errorCodeOf(subject, { ...request, input: simplified(request.input) })], [what, 'INVALID_REQUEST']);
    }
  });
}

function carriesCases({ test, equal }: Harness, subject: DialectSubject): void {
  const { name } = subject;
  for (const [what, request, answer] of CARRIED_CASES) {
    test(`${name}: a request for ${what} and its answer arrive unchanged`, () => {
      const { requests, respond, events } = openRequest(subject, request);
      equal(
        requests.map((one) => one.request),
        [request],
      );
      // Tool calls end only the answer of a request with tools.
      const finish: FinishEvent = 'tools' in request ? FINISH : { ...FINISH, reason: 'stop' };
      for (const event of answer) respond(event);
      equal(events(), answer);
      respond(finish);
      const end = events().at(-1);
      equal(end?.type === 'finish' && { ...end, outputSha256: '' }, { ...finish, outputSha256: '' });
    });

    test(`${name}: a wrong type in any field of a request for ${what} or of its answer fails only that message`, () => {
      const { client, server, respond, sent } = openRequest(subject, request);
      for (const event of [...answer, FINISH]) respond(event);
      const messages = [...client.ask(2, request, 0).flatMap(sentMessage), ...sent()];
      for (const message of messages.flatMap(withWrongTypes)) {
        for (const side of [client, server]) {
          equal(
            isHandled(() => side.message(message, 0, 0)),
            true,
          );
        }
      }
    });
  }
}

/** Returns input that every dialect carries, so that the request is refused for its other fields. */
function simplified(input: InferenceRequest['input']): InferenceRequest['input'] {
  return input.type === 'messages' ? promptInput('Hi') : input;
}

function errorCodeOf(subject: DialectSubject, request: InferenceRequest): unknown {
  try {
    return sides(subject).client.ask(1, request, 0).length;
  } catch (thrown) {
    return ShoalError.from(thrown).code;
  }
}
