import {
  type InferenceRequest,
  type Input,
  type Message,
  promptInput,
  type Sampling,
  ShoalError,
} from '@shoal/protocol';
import { createDht, type Dht } from '@shoal/transport/dht';
import type { CancelSignal } from './cancel.ts';
import { generate } from './generate.ts';
import { Generation } from './generation.ts';
import { Network } from './network.ts';
import type { Peer } from './peer.ts';

export interface ConnectOptions {
  /** The clusters to join, by id. */
  readonly clusters: readonly string[];
  /** `host:port` of DHT nodes to begin at; absent: the public ones. */
  readonly bootstrap?: readonly string[];
  /** What peers call this client. */
  readonly name?: string;
}

/** What to generate: exactly one of `prompt`, `messages`, `text` and `tokens`. */
export interface GenerateInput extends Sampling {
  /** One user message, rendered with the model's chat template. */
  readonly prompt?: string;
  readonly messages?: readonly Message[];
  /** Raw text, without a template. */
  readonly text?: string;
  readonly tokens?: readonly number[];
  readonly model?: string;
  readonly stop?: readonly string[];
  readonly deadlineMs?: number;
  readonly cluster?: string;
  readonly signal?: CancelSignal;
}

/** A client of the network: it asks, and lends nothing. */
export class Shoal {
  readonly #dht: Dht;
  readonly #network: Network;

  constructor(dht: Dht, network: Network) {
    this.#dht = dht;
    this.#network = network;
  }

  /**
   * Asks the network. Yields who answers, texts as they come, and exactly one terminal event: `finish` or `error`.
   * Throws `INVALID_REQUEST` where the input is not exactly one.
   */
  generate(input: GenerateInput): Generation {
    const { cluster, signal } = input;
    const request = toRequest(input);
    const options = {
      network: this.#network,
      request,
      random: Math.random,
      ...(cluster === undefined ? {} : { cluster }),
    };
    return new Generation((cancellation) => generate(options, cancellation), signal);
  }

  /** The whole answer as one string. Rejects with the `ShoalError` of an answer that failed. */
  async text(input: GenerateInput): Promise<string> {
    let text = '';
    for await (const event of this.generate(input)) {
      if (event.type === 'text') text += event.text;
      if (event.type === 'error') throw event.error;
    }
    return text;
  }

  peers(cluster?: string): readonly Peer[] {
    return this.#network.peers(cluster);
  }

  /** Called at every change of peers. Returns the way to stop listening. */
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
    await this.#dht.close();
  }
}

/** Joins clusters as a client. Returns at once: peers are found meanwhile, and `generate` waits for them. */
export async function connect(options: ConnectOptions): Promise<Shoal> {
  const dht = createDht(options.bootstrap === undefined ? {} : { bootstrap: options.bootstrap });
  const network = new Network({
    dht,
    paddedTopics: true,
    describe: () => ({ name: options.name ?? 'client', lends: false, models: [] }),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 0 }),
  });
  try {
    for (const cluster of options.clusters) network.join(cluster);
  } catch (thrown) {
    await network.close();
    await dht.close();
    throw thrown;
  }
  return new Shoal(dht, network);
}

/** The request that an input means. Throws `INVALID_REQUEST` unless it has exactly one of the four kinds of input. */
export function toRequest(input: GenerateInput): InferenceRequest {
  const { model, stop, deadlineMs } = input;
  return {
    input: toInput(input),
    sampling: toSampling(input),
    stop: stop ?? [],
    ...(model === undefined ? {} : { model }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}

function toInput({ prompt, messages, text, tokens }: GenerateInput): Input {
  const given: (Input | undefined)[] = [
    prompt === undefined ? undefined : promptInput(prompt),
    messages && { type: 'messages', messages },
    text === undefined ? undefined : { type: 'text', text },
    tokens && { type: 'tokens', tokens },
  ];
  const [only, ...others] = given.filter((kind) => kind !== undefined);
  if (only === undefined || others.length > 0) {
    throw ShoalError.invalidRequest('Give exactly one of prompt, messages, text and tokens.');
  }
  return only;
}

function toSampling({ maxTokens, temperature, topP, topK, minP, seed }: GenerateInput): Sampling {
  return {
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...(minP === undefined ? {} : { minP }),
    ...(seed === undefined ? {} : { seed }),
  };
}
