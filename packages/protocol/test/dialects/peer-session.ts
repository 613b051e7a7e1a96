import { type Ability, type Framer, ndjsonFramer, type PeerInfo } from '../../src/index.ts';
import { type HelloMessage, MAX_REQUEST_BYTES, PeerSession, PROTOCOL } from '../../src/shoal/index.ts';
import type { Speaker } from './conversation.ts';

/** The hello of a client. */
export const HELLO = {
  type: 'peer_hello',
  protocol: PROTOCOL,
  peer_id: '0c'.repeat(32),
  node_name: 'Peer',
  clusters: [],
} as const;

/** A worker's session. Without an owed hello, the peer may speak OpenGateway. */
export function workerSession(framer: Framer, helloOwed: boolean): PeerSession {
  return new PeerSession({
    framer,
    hello: () => ({
      ...HELLO,
      peer_id: 'a0'.repeat(32),
      supported_models: [],
      version: '0',
      uptime_s: 0,
      roles: ['worker'],
      models: [],
    }),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 1 }),
    idPrefix: 'a0',
    helloOwed,
  });
}

/** A session of a recorded conversation. It lends if it has models. */
export function peerSession(
  name: string,
  key: string,
  models: readonly string[],
  abilities: readonly Ability[] = [],
): PeerSession {
  const lends = models.length > 0;
  const hello: HelloMessage = {
    type: 'peer_hello',
    node_name: name,
    clusters: ['gatewayai-poc'],
    supported_models: models,
    protocol: PROTOCOL,
    peer_id: key.repeat(32),
    version: '0.1.0',
    uptime_s: 60,
    roles: lends ? ['worker', 'client'] : ['client'],
    models: models.map((id) => ({
      id,
      digest: `sha256:${'0'.repeat(64)}`,
      context_length: 512,
      quantization: 'F16',
      ...(abilities.length > 0 && { abilities }),
    })),
    ...(lends ? { capacity: { slots: 1, queue: 16 }, hardware: { cpu_cores: 2, ram_gb: 8, gpu_vram_gb: 0 } } : {}),
  };
  return new PeerSession({
    framer: ndjsonFramer(MAX_REQUEST_BYTES),
    hello: () => hello,
    status: () => ({ health: 88, active: 0, queued: 0, slots: lends ? 1 : 0 }),
    idPrefix: key.repeat(8),
    helloOwed: false,
  });
}

export function peerSpeaker(session: PeerSession): Speaker {
  let met: PeerInfo | undefined;
  return {
    start: () => session.start(0),
    receive(line) {
      const outputs = session.receive(line, 0);
      for (const output of outputs) {
        if (output.type === 'close') throw new Error(`${String(output.error)} closed the connection.`);
        if (output.type === 'peer') met = output.peer;
      }
      if (met === undefined) throw new Error('The first message must be a hello.');
      return outputs;
    },
  };
}
