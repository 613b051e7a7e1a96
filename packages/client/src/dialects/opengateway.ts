import { type InferenceRequest, ShoalError } from '@shoal/protocol';
import type { AnswerStream } from '@shoal/transport';
import type { Cancellation } from '../cancel.ts';
import type { GenerationEvent } from '../generation.ts';
import { type Peer, peerName } from '@shoal/network';

interface Asked {
  readonly peer: Peer;
  readonly answer: AnswerStream;
}

/** An OpenGateway answer is one text: who gave it, and its events. */
interface Answered {
  readonly asked: Asked;
  readonly events: readonly GenerationEvent[];
  readonly error?: ShoalError | undefined;
}

/**
 * Asks every OpenGateway peer that may have the model, as the dialect does not tell who lends, and takes the first good
 * answer; the others are taken back. Returns whether a terminal event was yielded: where nobody could be asked, none was.
 */
export async function* askOpenGatewayPeers(
  peers: readonly Peer[],
  request: InferenceRequest,
  cancellation: Cancellation,
): AsyncGenerator<GenerationEvent, boolean> {
  const asked = peers.filter((peer) => mayHave(peer, request.model)).flatMap((peer) => ask(peer, request));
  if (asked.length === 0) return false;
  const stopListening = cancellation.onCancel(() => abandon(asked));
  try {
    const { events, asked: winner, error } = await firstGood(asked.map(collect));
    if (error === undefined) yield { type: 'worker', name: peerName(winner.peer), id: winner.peer.key };
    yield* events;
    return true;
  } finally {
    stopListening();
    abandon(asked);
  }
}

function mayHave({ info }: Peer, model: string | undefined): boolean {
  if (info.dialect !== 'opengateway') return false;
  return model === undefined || info.models.length === 0 || info.models.some(({ id }) => id === model);
}

function ask(peer: Peer, request: InferenceRequest): Asked[] {
  try {
    return [{ peer, answer: peer.link.ask(request) }];
  } catch (thrown) {
    // The dialect cannot carry this request, or the peer left just now: it is none of those that were asked.
    if (thrown instanceof ShoalError) return [];
    throw thrown;
  }
}

async function collect(asked: Asked): Promise<Answered> {
  const events: GenerationEvent[] = [];
  for await (const event of asked.answer) {
    events.push(event);
    if (event.type === 'error') return { asked, events, error: event.error };
  }
  return { asked, events };
}

/** The first answer without an error; where all have one, the last. */
async function firstGood(answers: readonly Promise<Answered>[]): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  let open = answers.length;
  for (const answer of answers) {
    answer.then((answered) => {
      open -= 1;
      if (answered.error === undefined || open === 0) resolve(answered);
    }, reject);
  }
  return promise;
}

function abandon(asked: readonly Asked[]): void {
  for (const { answer } of asked) void answer.return();
}
