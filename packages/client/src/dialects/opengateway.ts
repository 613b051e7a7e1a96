import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { AnswerStream } from '@shoal/transport';
import type { Cancellation } from '../cancel.ts';
import type { GenerationEvent } from '../generation.ts';
import { type Peer, peerName, privacyOf } from '@shoal/network';

interface PeerRequest {
  readonly peer: Peer;
  readonly answer: AnswerStream;
}

/** A peer's whole answer. OpenGateway sends it as one text. */
interface PeerAnswer {
  readonly asked: PeerRequest;
  readonly events: readonly GenerationEvent[];
  readonly error?: ShoalError | undefined;
}

/**
 * Asks every OpenGateway peer that may have the model, because the dialect does not show which ones lend. Yields the first
 * answer without an error and aborts the others. Returns false, without a terminal event, if no peer could be asked.
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
    if (error === undefined) {
      const { peer } = winner;
      yield { type: 'worker', name: peerName(peer), id: peer.key, privacy: privacyOf(peer), attempts: asked.length };
    }
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

function ask(peer: Peer, request: InferenceRequest): PeerRequest[] {
  try {
    return [{ peer, answer: peer.link.ask(request) }];
  } catch (thrown) {
    // The dialect cannot carry this request, or the peer has just left.
    if (thrown instanceof ShoalError) return [];
    throw thrown;
  }
}

async function collect(asked: PeerRequest): Promise<PeerAnswer> {
  const events: GenerationEvent[] = [];
  for await (const event of asked.answer) {
    events.push(event);
    if (event.type === 'error') return { asked, events, error: event.error };
  }
  return { asked, events };
}

/** Resolves with the first answer without an error, or with the last one if all have errors. */
async function firstGood(answers: readonly Promise<PeerAnswer>[]): Promise<PeerAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PeerAnswer>();
  let open = answers.length;
  for (const answer of answers) {
    answer.then((answered) => {
      open -= 1;
      if (answered.error === undefined || open === 0) resolve(answered);
    }, reject);
  }
  return promise;
}

function abandon(asked: readonly PeerRequest[]): void {
  for (const { answer } of asked) void answer.return();
}
