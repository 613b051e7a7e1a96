import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import { promptInput, type InferenceRequest } from '../request.ts';
import type { Harness } from './harness.ts';
import { asked, type DialectSubject, faultOf, REQUEST, sentMessage, sides, spoilt } from './two-sides.ts';

const TOOLS_ASKED: InferenceRequest = {
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
  tools: [{ name: 'weather', description: 'Tells the weather.', parameters: { type: 'object', properties: {} } }],
  toolChoice: { name: 'weather' },
  parallelToolCalls: false,
};
const JSON_ASKED: InferenceRequest = {
  ...REQUEST,
  format: { type: 'json_schema', schema: { type: 'object', required: ['sum'] } },
};
const LOGPROBS_ASKED: InferenceRequest = { ...REQUEST, logprobs: 1 };
const VECTORS_ASKED: InferenceRequest = {
  input: { type: 'embeddings', texts: ['four', '🐟'] },
  sampling: {},
  stop: [],
};

const FINISH: InferenceEvent = {
  type: 'finish',
  reason: 'tool_calls',
  rawReason: 'eos',
  usage: { promptTokens: 9, cachedTokens: 4, completionTokens: 5 },
};
const TOOLS_ANSWERED: readonly InferenceEvent[] = [
  { type: 'text', text: 'Let me see. ', tokens: [1, 2] },
  { type: 'tool_call', index: 0, id: 'b', name: 'weather', arguments: '{"at":', tokens: [3] },
  { type: 'tool_call', index: 0, arguments: '"Kiel 🐟"}', tokens: [] },
  { type: 'tool_call', index: 1, id: 'c', name: 'weather', arguments: '{}', tokens: [4, 5] },
];
const likely = { token: 7, text: '4', logprob: -0.25 };
const LOGPROBS_ANSWERED: readonly InferenceEvent[] = [
  { type: 'text', text: '4', tokens: [7], logprobs: [{ ...likely, top: [likely] }] },
  { type: 'text', text: '2', tokens: [8], logprobs: [{ token: 8, text: '2', logprob: -1, top: [] }] },
];
const VECTORS_ANSWERED: readonly InferenceEvent[] = [
  { type: 'embedding', index: 0, vector: [0.5, -0.5] },
  { type: 'embedding', index: 1, vector: [1, 0] },
];

const CASES = [
  ['tools', TOOLS_ASKED, TOOLS_ANSWERED],
  ['a JSON format', JSON_ASKED, [{ type: 'text', text: '{"sum":4}', tokens: [1] }]],
  ['log probabilities', LOGPROBS_ASKED, LOGPROBS_ANSWERED],
  ['embeddings', VECTORS_ASKED, VECTORS_ANSWERED],
] as const satisfies readonly (readonly [string, InferenceRequest, readonly InferenceEvent[]])[];

/** What is more than a prompt and its text: carried whole, or refused before anything is sent. */
export function wholeRequestCases(harness: Harness, subject: DialectSubject): void {
  if (subject.carriesAll) return carried(harness, subject);
  const { test, skip, equal } = harness;
  const { name } = subject;
  skip(
    `${name}: tools, JSON, probabilities and vectors arrive as they were asked for and given`,
    'It carries prompts.',
  );
  test(`${name}: a request for what it cannot carry is refused before it is sent`, () => {
    for (const [what, request] of CASES) {
      equal([what, refusalOf(subject, { ...request, input: plainer(request.input) })], [what, 'INVALID_REQUEST']);
    }
  });
}

function carried({ test, equal }: Harness, subject: DialectSubject): void {
  const { name } = subject;
  for (const [what, request, answer] of CASES) {
    test(`${name}: a request for ${what} arrives as it was asked, and its answer as it was given`, () => {
      const { requests, say, events } = asked(subject, request);
      equal(
        requests.map((one) => one.request),
        [request],
      );
      for (const event of answer) say(event);
      equal(events(), answer);
      say(FINISH);
      const end = events().at(-1);
      equal(end?.type === 'finish' && { ...end, outputSha256: '' }, { ...FINISH, outputSha256: '' });
    });

    test(`${name}: a wrong type in any field of a request for ${what} or its answer is a fault of that message only`, () => {
      const { client, server, say, sent } = asked(subject, request);
      for (const event of [...answer, FINISH]) say(event);
      const messages = [...client.ask(2, request, 0).flatMap(sentMessage), ...sent()];
      for (const message of messages.flatMap(spoilt)) {
        for (const side of [client, server]) {
          equal(
            faultOf(() => side.message(message, 0, 0)),
            true,
          );
        }
      }
    });
  }
}

/** A conversation that every dialect carries, so that it is refused for nothing else. */
function plainer(input: InferenceRequest['input']): InferenceRequest['input'] {
  return input.type === 'messages' ? promptInput('Hi') : input;
}

function refusalOf(subject: DialectSubject, request: InferenceRequest): unknown {
  try {
    return sides(subject).client.ask(1, request, 0).length;
  } catch (thrown) {
    return ShoalError.from(thrown).code;
  }
}
