import type { InferenceRequest } from '@shoal/protocol/request';
import { type ErrorCode, ShoalError } from '@shoal/protocol/error';
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

/** Members that have sent no hello are asked if the others have not answered within this time. */
export const SILENT_MEMBERS_AFTER_MS = 2_000;
/** The most members without a hello that one request is sent to. */
export const MAX_SILENT_MEMBERS = 16;

export interface OpenGatewayPeers {
  readonly peers: readonly Peer[];
  /** Members that have sent no hello. Nodes of early versions send none. */
  readonly silent: readonly Peer[];
}

/**
 * Asks every OpenGateway peer that may have the model, because the dialect does not show which ones lend, and last the members
 * without a hello. Yields the first answer without an error and aborts the others. Returns false, without a terminal event, if
 * no peer could be asked, or only members without a hello, and none of them has answered, and after a cancellation.
 */
export async function* askOpenGatewayPeers(
  { peers, silent }: OpenGatewayPeers,
  request: InferenceRequest,
  cancellation: Cancellation,
): AsyncGenerator<GenerationEvent, boolean> {
  const asked = peers.filter((peer) => mayHave(peer, request.model)).flatMap((peer) => ask(peer, request));
  const stopListening = cancellation.onCancel(() => abandon(asked));
  try {
    const answers = asked.length === 0 ? [] : [firstGood(asked.map(collect))];
    if (!(await answersSoon(answers)) && !cancellation.isCancelled) {
      const late = silent.slice(0, MAX_SILENT_MEMBERS).flatMap((peer) => ask(peer, request));
      asked.push(...late);
      answers.push(...late.map(collect));
    }
    if (answers.length === 0) return false;
    const { events, asked: winner, error } = await firstGood(answers);
    const { peer } = winner;
    // The answers that were abandoned have no terminal event.
    if (cancellation.isCancelled) return false;
    if (error !== undefined && silent.includes(peer) && NO_ANSWER.has(error.code)) return false;
    if (error === undefined) {
      yield { type: 'worker', name: peerName(peer), id: peer.key, privacy: privacyOf(peer), attempts: asked.length };
    }
    yield* events;
    return true;
  } finally {
    stopListening();
    abandon(asked);
  }
}

/** The errors of a member that is no worker. */
const NO_ANSWER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TIMEOUT_NO_RESPONSE', 'WORKER_LOST']);

/** Resolves with true if a good answer comes within `SILENT_MEMBERS_AFTER_MS`, and with false at the first failure. */
async function answersSoon([answer]: readonly Promise<PeerAnswer>[]): Promise<boolean> {
  if (answer === undefined) return false;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, SILENT_MEMBERS_AFTER_MS, undefined);
  try {
    const first = await Promise.race([answer, promise]);
    return first !== undefined && first.error === undefined;
  } finally {
    clearTimeout(timer);
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

/** Resolves with the first answer without an error, or with the first of the list if all have errors. */
async function firstGood(answers: readonly Promise<PeerAnswer>[]): Promise<PeerAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PeerAnswer>();
  for (const answer of answers) {
    answer.then((answered) => {
      if (answered.error === undefined) resolve(answered);
    }, reject);
  }
  Promise.all(answers).then(([first]) => first !== undefined && resolve(first), reject);
  return promise;
}

function abandon(asked: readonly PeerRequest[]): void {
  for (const { answer } of asked) void answer.return();
}
