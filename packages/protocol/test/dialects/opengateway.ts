import { ndjsonFramer, type Output } from '../../src/index.ts';
import { promptInput } from '../../src/request.ts';
import { ShoalError } from '../../src/error.ts';
import { parseObject } from '../../src/json.ts';
import { OpenGatewayClient, OpenGatewayServer } from '../../src/opengateway/index.ts';
import { MAX_REQUEST_BYTES } from '../../src/shoal/index.ts';
import { type Conversation, encodeLine, encodeMessage, type Speaker } from './conversation.ts';
import type { DialectEntry } from './dialect-entry.ts';
import { lines } from './frames.ts';
import { peerSession, peerSpeaker, workerSession } from './peer-session.ts';

export const opengateway: DialectEntry = {
  contract: {
    name: 'opengateway',
    client: (encode) => new OpenGatewayClient(encode, 'me'),
    server: (encode, nextId) => new OpenGatewayServer(encode, nextId),
    streams: false,
    carriesAbort: false,
    carriesAll: false,
  },
  // The session of `shoal/1` answers these peers. It sends them no errors, because OpenGateway has none.
  hostile: [
    {
      name: 'opengateway',
      session: () => workerSession(ndjsonFramer(MAX_REQUEST_BYTES), false),
      ...lines(),
      request: (id, prompt) => ({ type: 'inference_request', request_id: id, prompt }),
    },
  ],
  conversations: { opengateway: conversation, 'opengateway-early': earlyConversation },
};

/** The worker is a node of Shoal. The client is a node of OpenGateway. */
function conversation(): Conversation {
  const worker = peerSession('NodeA', 'a0', ['tiny']);
  const hello = { type: 'peer_hello', node_name: 'NodeB', clusters: ['gatewayai-poc'], supported_models: ['llama'] };
  const send = (message: object): Output => ({ type: 'send', bytes: encodeLine(message) });
  const client = new OpenGatewayClient(encodeMessage, 'b0');
  const ask = (id: number, prompt: string) => () =>
    client.ask(id, { input: promptInput(prompt), sampling: {}, stop: [] }, 0);
  return {
    worker: peerSpeaker(worker),
    client: {
      start: () => [send(hello)],
      receive: (line) => {
        const message = parseObject(line);
        return message['type'] === 'peer_hello' ? [] : (client.message(message, line.length, 0) ?? []);
      },
    },
    turns: [
      { by: 'client', act: ask(1, 'What is 2+2?') },
      {
        by: 'worker',
        act: () => [
          ...worker.respond(1, { type: 'text', text: '2 + 2 = ', tokens: [] }, 0),
          ...worker.respond(1, { type: 'text', text: '4', tokens: [] }, 0),
          ...worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken', model: 'tiny' }, 0),
        ],
      },
      { by: 'client', act: () => [send({ type: 'inference_request', prompt: 'Hello' })] },
      {
        by: 'worker',
        act: () => worker.respond(2, { type: 'error', error: ShoalError.generationFailed('No luck.') }, 0),
      },
    ],
  };
}

/** The client is a node of Shoal. The worker is a node of an early version of OpenGateway: no hello, and no id in its answer. */
function earlyConversation(): Conversation {
  const client = peerSession('NodeC', 'c0', []);
  const worker: Speaker = {
    start: () => [],
    receive(line) {
      const { type } = parseObject(line);
      if (type !== 'inference_request') return [];
      return [{ type: 'send', bytes: encodeLine({ type: 'inference_response', response: '2 + 2 = 4' }) }];
    },
  };
  const request = { input: promptInput('What is 2+2?'), sampling: {}, stop: [] };
  return { client: peerSpeaker(client), worker, turns: [{ by: 'client', act: () => client.ask(1, request, 0) }] };
}
