import assert from 'node:assert/strict';
import { connectLocalLlm } from '@shoal/client/localllm';
import { connectQmesh } from '@shoal/client/qmesh';
import { connect } from '@shoal/client';
import { dialDonate } from '@shoal/client/donate';
import type { DoorView } from '@shoal/node/api';
import { decodeServerId } from '@shoal/protocol/localllm';
import { qmeshTopic } from '@shoal/protocol/qmesh';
import type HyperDHT from 'hyperdht';
import type { TestNode } from './node.ts';
import { RawPeer } from './raw-peer.ts';
import { RawSocket } from './raw-socket.ts';

/** A way to a door: as a raw connection and as a normal client, which resolves with the answer to a prompt. */
export interface Doorway {
  readonly dial: () => Promise<RawSocket | RawPeer>;
  readonly ask: (prompt?: string) => Promise<string>;
}

/** The ways to all doors of a node that listen on an address or a topic. */
export class Doorways {
  readonly #dht: HyperDHT;
  readonly #bootstrap: string;
  readonly #views: readonly DoorView[];

  static async of(node: TestNode, dht: HyperDHT, bootstrap: string): Promise<Doorways> {
    return new Doorways(dht, bootstrap, (await node.status()).doors);
  }

  private constructor(dht: HyperDHT, bootstrap: string, views: readonly DoorView[]) {
    this.#dht = dht;
    this.#bootstrap = bootstrap;
    this.#views = views;
  }

  get all(): Readonly<Record<'donate' | 'tcp' | 'websocket' | 'qmesh' | 'localllm', Doorway>> {
    return {
      donate: { dial: () => this.socket('donate'), ask: (prompt) => this.#askDonate(prompt) },
      tcp: { dial: () => this.socket('tcp'), ask: (prompt) => this.#askShoal('tcp', prompt) },
      websocket: { dial: () => this.socket('websocket'), ask: (prompt) => this.#askShoal('websocket', prompt) },
      qmesh: { dial: () => this.peer(qmeshTopic()), ask: (prompt) => this.#askQmesh(prompt) },
      localllm: {
        dial: () => this.peer(decodeServerId(this.#addressOf('localllm'))),
        ask: (prompt) => this.#askLocalLlm(prompt),
      },
    };
  }

  /** Dials a door with a port. */
  socket(name: string, deaf = false): Promise<RawSocket> {
    const port = /:(\d+)(\/|$)/.exec(this.#addressOf(name))?.[1];
    return RawSocket.dial(Number(port), deaf);
  }

  #addressOf(name: string): DoorView['address'] {
    const view = this.#views.find((one) => one.name === name);
    assert.ok(view !== undefined, `no door ${name}`);
    return view.address;
  }

  /** Dials the server of a topic. */
  async peer(topic: Uint8Array): Promise<RawPeer> {
    return RawPeer.dial(this.#dht, await this.#serverOf(topic));
  }

  /** The public key under which a topic's server is found. */
  async #serverOf(topic: Uint8Array): Promise<string> {
    for (;;) {
      for await (const { peers } of this.#dht.lookup(Buffer.from(topic))) {
        const [peer] = peers;
        if (peer !== undefined) return Buffer.from(peer.publicKey).toString('hex');
      }
    }
  }

  async #askDonate(prompt = 'still there?'): Promise<string> {
    const client = await dialDonate(this.#addressOf('donate'));
    try {
      return await client.prompt(prompt, { maxOut: 1_000_000 });
    } finally {
      client.close();
    }
  }

  async #askShoal(door: string, prompt = 'still there?'): Promise<string> {
    const shoal = await connect({ peers: [this.#addressOf(door)] });
    try {
      return await shoal.text({ prompt });
    } finally {
      await shoal.close();
    }
  }

  async #askQmesh(prompt = 'still there?'): Promise<string> {
    const client = await connectQmesh({ bootstrap: [this.#bootstrap] });
    try {
      return (await client.ask(prompt)).text;
    } finally {
      await client.close();
    }
  }

  async #askLocalLlm(prompt = 'still there?'): Promise<string> {
    const host = await connectLocalLlm(this.#addressOf('localllm'), { bootstrap: [this.#bootstrap] });
    try {
      let text = '';
      for await (const event of host.chat(prompt)) if (event.type === 'text') text += event.text;
      return text;
    } finally {
      await host.close();
    }
  }
}
