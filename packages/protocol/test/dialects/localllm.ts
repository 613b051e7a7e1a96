import { promptInput } from '../../src/request.ts';
import { ShoalError } from '../../src/error.ts';
import {
  LocalLlmClient,
  localLlmClientSession,
  LocalLlmServer,
  localLlmServerSession,
} from '../../src/localllm/index.ts';
import type { Conversation, Speaker } from './conversation.ts';
import type { DialectEntry } from './dialect-entry.ts';
import { lines } from './frames.ts';

const greet = () => ({ hostName: 'Dan’s MacBook', model: 'llama3.2', status: 'ready' }) as const;

export const localllm: DialectEntry = {
  contract: {
    name: 'localllm',
    client: (encode) => new LocalLlmClient(encode),
    server: (encode, nextId) => new LocalLlmServer(encode, nextId, { greet }),
    streams: true,
    carriesAbort: true,
    carriesAll: false,
    lostCode: 'HOST_DISCONNECTED',
  },
  hostile: [
    {
      name: 'localllm',
      session: () => localLlmServerSession({ greet }),
      ...lines(),
      request: (id, prompt) => ({ type: 'chat_start', request_id: id, payload: { prompt } }),
      isError: ({ type }) => type === 'error',
    },
  ],
  conversations: { localllm: conversation },
};

function conversation(): Conversation {
  const worker = localLlmServerSession({ greet });
  const client = localLlmClientSession();
  const ask = (id: number, prompt: string) => () =>
    client.ask(id, { input: promptInput(prompt), sampling: {}, stop: [] }, 0);
  const respond = (id: number, text: string, now: number) => () =>
    worker.respond(id, { type: 'text', text, tokens: [] }, now);
  const busy = new ShoalError('MODEL_BUSY', 'Host is processing another request');
  const session = (one: typeof worker | typeof client): Speaker => ({
    start: () => one.start(0),
    receive: (line) => one.receive(line, 0),
  });
  return {
    client: session(client),
    worker: session(worker),
    turns: [
      { by: 'client', act: ask(1, 'Explain quantum computing simply') },
      { by: 'worker', act: respond(1, 'Quantum computing', 0) },
      // Text within 10 ms of a chunk is sent in the next one.
      { by: 'worker', act: () => [...respond(1, ' uses', 1)(), ...respond(1, ' qubits 🐟', 11)()] },
      { by: 'worker', act: () => worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken' }, 12) },
      { by: 'client', act: ask(2, 'Count to a million.') },
      { by: 'worker', act: respond(2, '1 2 3', 20) },
      { by: 'client', act: () => client.abort(2) },
      { by: 'client', act: ask(3, 'Tell me everything.') },
      { by: 'worker', act: respond(3, 'In the beginning', 40) },
      { by: 'worker', act: () => worker.respond(3, { type: 'finish', reason: 'length', rawReason: 'maxTokens' }, 60) },
      { by: 'client', act: ask(4, 'And now?') },
      { by: 'worker', act: () => worker.respond(4, { type: 'error', error: busy }, 70) },
    ],
  };
}
