import { type Sampling } from '../../src/index.ts';
import { promptInput } from '../../src/request.ts';
import { ShoalError } from '../../src/error.ts';
import { parseObject } from '../../src/json.ts';
import { type HealthReport, QmeshClient, QmeshServer, qmeshServerSession } from '../../src/qmesh/index.ts';
import { type Conversation, encodeMessage, type Speaker } from './conversation.ts';
import type { DialectEntry } from './dialect-entry.ts';
import { lengthPrefixed } from './frames.ts';

const HEALTH: HealthReport = {
  score: 87,
  state: 'healthy',
  cpu: 12,
  memory: 20,
  queueSize: 0,
  queueCapacity: 10,
  canAcceptRequests: true,
};
const SERVER_OPTIONS = { workerId: 'a0'.repeat(32), health: () => HEALTH, timestamp: () => 0 };

export const qmesh: DialectEntry = {
  contract: {
    name: 'qmesh',
    client: (encode) => new QmeshClient(encode, { idPrefix: 'c0c0c0c0', timestamp: () => 0 }),
    server: (encode, nextId) => new QmeshServer(encode, nextId, SERVER_OPTIONS),
    streams: false,
    carriesAbort: false,
    carriesAll: false,
  },
  hostile: [
    {
      name: 'qmesh',
      session: () => qmeshServerSession(SERVER_OPTIONS),
      ...lengthPrefixed('big'),
      request: (id, prompt) => ({ type: 'prompt', requestId: id, prompt }),
      isError: ({ type }) => type === 'inference_error',
    },
  ],
  conversations: { qmesh: conversation },
};

function conversation(): Conversation {
  const timestamp = (): number => 1_767_225_600_000;
  let health = HEALTH;
  let lastId = 0;
  const worker = new QmeshServer(encodeMessage, () => (lastId += 1), {
    workerId: SERVER_OPTIONS.workerId,
    health: () => health,
    timestamp,
  });
  const client = new QmeshClient(encodeMessage, { idPrefix: 'c0c0c0c0', timestamp });
  const ask = (id: number, prompt: string, sampling: Sampling) => () =>
    client.ask(id, { input: promptInput(prompt), sampling, stop: [] }, 0);
  const overloaded = new ShoalError('OVERLOADED', 'Too much to do.');
  return {
    client: side(client),
    worker: side(worker),
    turns: [
      { by: 'client', act: ask(1, 'What is 2+2?', { maxTokens: 50, temperature: 0 }) },
      {
        by: 'worker',
        act: () => {
          const usage = { promptTokens: 12, completionTokens: 6 };
          return [
            ...worker.respond(1, { type: 'text', text: '2 + 2 = 4 🐟', tokens: [] }, 100),
            ...worker.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eogToken', usage }, 120),
          ];
        },
      },
      {
        by: 'worker',
        act: () => {
          health = { ...health, score: 18, state: 'overloaded', cpu: 100, memory: 98, canAcceptRequests: false };
          return worker.broadcast();
        },
      },
      { by: 'client', act: ask(2, 'And now?', {}) },
      { by: 'worker', act: () => worker.respond(2, { type: 'error', error: overloaded }, 130) },
      { by: 'client', act: ask(3, '', {}) },
      { by: 'client', act: () => client.requestStatus() },
    ],
  };

  function side(one: QmeshServer | QmeshClient): Speaker {
    return {
      start: () => one.start(),
      receive: (line) => one.message(parseObject(line), line.length, 0) ?? [],
    };
  }
}
