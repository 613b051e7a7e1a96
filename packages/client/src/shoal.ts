import { pickSampling, type Sampling } from '@shoal/protocol';
import { type InferenceRequest, type Input, type Message, promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Dht } from '@shoal/transport/dht';
import type { CancelSignal } from './cancel.ts';
import { checkDeadline } from './deadline.ts';
import { generate } from './generate.ts';
import { Generation } from './generation.ts';
import { createDht, Network, type Peer } from '@shoal/network';

/** The peers to connect to: `peers`, `clusters` or both. */
export interface ConnectOptions {
  /** Peers to dial: `ws://host:port`, `wss://host`, `tcp://host:port`. A web page can dial the first two. */
  readonly peers?: readonly string[] | undefined;
  /** The token that is shown to them. */
  readonly token?: string | undefined;
  /** The ids of the clusters to join. Not available in a web page. */
  readonly clusters?: readonly string[] | undefined;
  /** `host:port` of the DHT's bootstrap nodes. Default: the public ones. */
  readonly bootstrap?: readonly string[] | undefined;
  /** The client's name, shown to peers. */
  readonly name?: string | undefined;
  /** 32 bytes from which the client's key pair is derived. Default: random bytes. */
  readonly seed?: Uint8Array | undefined;
}

/** The fields of a request that are options of an input too. */
type RequestFields = Pick<
  InferenceRequest,
  'tools' | 'toolChoice' | 'parallelToolCalls' | 'format' | 'logprobs' | 'deadlineMs'
>;

/** The input of a request: exactly one of `prompt`, `messages`, `text`, `tokens` and `embed`, and options. */
export interface GenerateInput extends Sampling, RequestFields {
  /** One user message, rendered with the model's chat template. */
  readonly prompt?: string | undefined;
  readonly messages?: readonly Message[] | undefined;
  /** Raw text, without a template. */
  readonly text?: string | undefined;
  readonly tokens?: readonly number[] | undefined;
  /** Texts to compute embedding vectors of. No text is generated. */
  readonly embed?: readonly string[] | undefined;
  /** A model's id or digest, or `auto`. Default: the first model of each worker. */
  readonly model?: string | undefined;
  /** The models for `auto`, from the lightest to the strongest. Default: by the number of parameters. */
  readonly autoModels?: readonly string[] | undefined;
  readonly stop?: readonly string[] | undefined;
  readonly cluster?: string | undefined;
  /** False: OpenGateway peers, which are all asked at once, are not asked. Default: they are asked if no other peer can answer. */
  readonly asksEverybody?: boolean | undefined;
  /**
   * The longest silence of an answer, in milliseconds, before another worker is asked. Infinity: no limit. Default: by the
   * length of the prompt and what the worker has shown. Waits in queues have their own limit.
   */
  readonly progressTimeoutMs?: number | undefined;
  readonly signal?: CancelSignal | undefined;
}

/** A client of the network. It sends requests and lends nothing. */
export class Shoal {
  readonly #network: Network;
  readonly #dht: Dht | undefined;

  /** The client closes both when it is closed. */
  constructor(network: Network, dht?: Dht) {
    this.#network = network;
    this.#dht = dht;
  }

  /**
   * Sends a request. Yields the worker that answers, texts, tool calls or vectors as they arrive, and exactly one terminal
   * event: `finish` or `error`. Throws `INVALID_REQUEST` unless there is exactly one input and a valid deadline.
   */
  generate(input: GenerateInput): Generation {
    const { cluster, asksEverybody, autoModels, progressTimeoutMs, signal } = input;
    const request = toRequest(input);
    const options = {
      network: this.#network,
      request,
      random: Math.random,
      cluster,
      asksEverybody,
      autoModels,
      progressTimeoutMs,
    };
    return new Generation((cancellation) => generate(options, cancellation), signal);
  }

  /** Resolves with the whole answer as one string. Rejects with the `ShoalError` of a failed answer. */
  async text(input: GenerateInput): Promise<string> {
    let text = '';
    for await (const event of this.generate(input)) {
      if (event.type === 'text') text += event.text;
      if (event.type === 'error') throw event.error;
    }
    return text;
  }

  /** Resolves with the vector of each text, normalised to length 1. Rejects with the `ShoalError` of a failed request. */
  async embed(
    texts: readonly string[],
    where: Pick<GenerateInput, 'model' | 'cluster' | 'signal'> = {},
  ): Promise<number[][]> {
    const vectors: number[][] = [];
    for await (const event of this.generate({ ...where, embed: texts })) {
      if (event.type === 'embedding') vectors[event.index] = [...event.vector];
      if (event.type === 'error') throw event.error;
    }
    return vectors;
  }

  peers(cluster?: string): readonly Peer[] {
    return this.#network.peers(cluster);
  }

  /** Calls the listener at every change of peers. Returns a function that removes it. */
  onChange(listener: () => void): () => void {
    return this.#network.onChange(listener);
  }

  join(cluster: string): void {
    this.#network.join(cluster);
  }

  leave(cluster: string): Promise<boolean> {
    return this.#network.leave(cluster);
  }

  async close(): Promise<void> {
    await this.#network.close();
    await this.#dht?.close();
  }
}

/**
 * Dials peers and joins clusters as a client. Resolves before peers are found; `generate` waits for them. Rejects with
 * `INVALID_REQUEST` for an invalid address or cluster id, and for a connection that this platform does not support.
 */
export async function connect(options: ConnectOptions = {}): Promise<Shoal> {
  const { peers = [], clusters = [], bootstrap, token, seed, name = 'client' } = options;
  if (peers.length === 0 && clusters.length === 0) {
    throw ShoalError.invalidRequest(
      'There is nothing to connect to. Give clusters to join, connect({ clusters: ["my-cluster"] }), or peers to dial, connect({ peers: ["ws://127.0.0.1:17003/shoal/v1"] }).',
    );
  }
  const dht = clusters.length === 0 ? undefined : createDht(bootstrap === undefined ? {} : { bootstrap });
  let network: Network | undefined;
  try {
    network = new Network({
      peers,
      paddedTopics: true,
      describe: () => ({ name, lends: false, models: [] }),
      status: () => ({ health: 100, active: 0, queued: 0, slots: 0 }),
      dht,
      token,
      seed,
    });
    for (const cluster of clusters) network.join(cluster);
    return new Shoal(network, dht);
  } catch (thrown) {
    await network?.close();
    await dht?.close();
    throw thrown;
  }
}

/** Converts an input to a request. Throws `INVALID_REQUEST` unless it has exactly one kind of input and a valid deadline. */
export function toRequest(input: GenerateInput): InferenceRequest {
  const { model, stop, tools, toolChoice, parallelToolCalls, format, logprobs, deadlineMs } = input;
  checkDeadline(deadlineMs);
  return {
    input: toInput(input),
    sampling: pickSampling(input),
    stop: stop ?? [],
    model,
    tools,
    toolChoice,
    parallelToolCalls,
    format,
    logprobs,
    deadlineMs,
  };
}

function toInput({ prompt, messages, text, tokens, embed }: GenerateInput): Input {
  const given: (Input | undefined)[] = [
    prompt === undefined ? undefined : promptInput(prompt),
    messages && { type: 'messages', messages },
    text === undefined ? undefined : { type: 'text', text },
    tokens && { type: 'tokens', tokens },
    embed && { type: 'embeddings', texts: embed },
  ];
  const [only, ...others] = given.filter((kind) => kind !== undefined);
  if (only === undefined || others.length > 0) {
    throw ShoalError.invalidRequest('Give exactly one of prompt, messages, text, tokens and embed.');
  }
  return only;
}
