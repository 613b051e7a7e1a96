import b4a from 'b4a';
import { DonateClient, DonateServer, donateServerSession, type Mode } from '../../src/donate/index.ts';
import { promptInput } from '../../src/request.ts';
import { ShoalError } from '../../src/error.ts';
import { parseObject } from '../../src/json.ts';
import { type Conversation, encodeMessage, type Speaker } from './conversation.ts';
import type { DialectEntry } from './dialect-entry.ts';
import { lengthPrefixed } from './frames.ts';

const queue = () => ({ depth: 0, capacity: 64, in_progress: false });

export const donate: DialectEntry = {
  contract: {
    name: 'donate',
    client: (encode) => new DonateClient(encode),
    server: (encode, nextId) => new DonateServer(encode, nextId, { mode: 'local_lm', queue }),
    streams: false,
    carriesAbort: false,
    carriesAll: false,
  },
  hostile: [
    {
      name: 'donate',
      session: () => donateServerSession({ mode: 'local_lm', queue }),
      ...lengthPrefixed('little'),
      request: (id, prompt) => ({ v: 1, type: 'prompt', job_id: id, prompt }),
      isError: ({ type }) => type === 'error',
    },
  ],
  conversations: { donate: pushConversation, 'donate-local': promptConversation },
};

/** A client uploads a model of 12 bytes in two chunks and uses it. It then uploads one that is not GGUF, and one that is too short. */
function pushConversation(): Conversation {
  const { client, worker, speakers } = ends('model_push');
  const begin = (id: number, format: string) => () =>
    client.push(id, { configuration: JSON.stringify({ format, name: 'tiny' }), length: 12 });
  const chunk = (text: string, last: boolean) => () => client.chunk(b4a.from(text), last);
  const commit = () => client.commit();
  const infer = (id: number, tokens: number[]) => () =>
    client.ask(id, { input: { type: 'tokens', tokens }, sampling: { maxTokens: 2 }, stop: [] });
  return {
    ...speakers,
    turns: [
      { by: 'client', act: infer(1, [1]) },
      { by: 'client', act: begin(2, 'gguf') },
      { by: 'client', act: chunk('GGUF, in', false) },
      { by: 'client', act: chunk(' two', true) },
      { by: 'client', act: commit },
      { by: 'worker', act: () => worker.endUpload(1) },
      { by: 'client', act: infer(3, [1, 2, 3]) },
      {
        by: 'worker',
        act: () => {
          worker.started(2, 0);
          return [
            ...worker.respond(2, { type: 'text', text: 'four', tokens: [4, 5] }),
            ...worker.respond(2, { type: 'finish', reason: 'length', rawReason: 'maxTokens' }),
          ];
        },
      },
      { by: 'client', act: infer(4, [99_999]) },
      {
        by: 'worker',
        act: () => {
          worker.started(3, 0);
          return worker.respond(3, {
            type: 'error',
            error: ShoalError.invalidRequest('Token id 99999 is unknown.'),
          });
        },
      },
      { by: 'client', act: begin(5, 'safetensors') },
      { by: 'client', act: chunk('12 bytes, no', true) },
      { by: 'client', act: commit },
      { by: 'client', act: begin(6, 'gguf') },
      { by: 'client', act: chunk('GGUF', true) },
      { by: 'client', act: commit },
    ],
  };
}

function promptConversation(): Conversation {
  const { client, worker, speakers } = ends('local_lm');
  const ask = (id: number, prompt: string) => () =>
    client.ask(id, { input: promptInput(prompt), sampling: {}, stop: [] });
  return {
    ...speakers,
    turns: [
      { by: 'client', act: ask(1, 'What is 2+2?') },
      {
        by: 'worker',
        act: () => [
          ...worker.respond(1, { type: 'text', text: '2 + 2 = ', tokens: [] }),
          ...worker.respond(1, { type: 'text', text: '4', tokens: [] }),
          ...worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken' }),
        ],
      },
      { by: 'client', act: ask(2, 'And now?') },
      {
        by: 'worker',
        act: () => worker.respond(2, { type: 'error', error: new ShoalError('QUEUE_FULL', 'Full.') }),
      },
      { by: 'client', act: () => client.push(3, { configuration: '{"format":"gguf"}', length: 12 }) },
    ],
  };
}

function ends(mode: Mode) {
  let lastId = 0;
  const client = new DonateClient(encodeMessage);
  const worker = new DonateServer(encodeMessage, () => (lastId += 1), {
    mode,
    queue,
    ...(mode === 'local_lm' && { model: 'tiny' }),
  });
  const speaker = (side: DonateClient | DonateServer): Speaker => ({
    start: () => side.start(),
    receive: (line) => side.message(parseObject(line), line.length, 0) ?? [],
  });
  return { client, worker, speakers: { client: speaker(client), worker: speaker(worker) } };
}
