import { type Output, ndjsonFramer } from '../../src/index.ts';
import { encodeObject, type JsonObject, parseObject } from '../../src/json.ts';

export type Role = 'client' | 'worker';

/** One end of a conversation. Messages are JSON lines here, whatever frames the dialect has. */
export interface Speaker {
  start(): Output<unknown>[];
  receive(line: Uint8Array): Output<unknown>[];
}

/** A recorded exchange between two sessions: an example for a page of docs/protocols. */
export interface Conversation extends Record<Role, Speaker> {
  /** The messages that each side sends without a request, in order. Everything else is a reply. */
  readonly turns: readonly { readonly by: Role; readonly act: () => Output<unknown>[] }[];
}

/** The messages that outputs send, where each is one JSON text. */
export function sentMessages(outputs: readonly Output<unknown>[]): JsonObject[] {
  return outputs.flatMap((output) => (output.type === 'send' ? [parseObject(output.bytes)] : []));
}

export function encodeLine(message: object): Uint8Array {
  return ndjsonFramer(0).encode(encodeObject(message));
}

/** A `MessageEncoder` that writes lines. */
export function encodeMessage(message: object): { readonly bytes: Uint8Array; readonly size: number } {
  return { bytes: encodeLine(message), size: encodeObject(message).length };
}
