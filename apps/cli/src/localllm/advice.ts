import { printableName } from '@shoal/host/printable';
import type { ErrorCode, ShoalError } from '@shoal/protocol/error';
import { MAX_CLIENTS } from '@shoal/protocol/localllm';

/** Advice for errors whose message contains none. */
const ADVICE: Partial<Readonly<Record<ErrorCode, string>>> = {
  CONNECT_FAILED: 'Try again in a moment.',
  MODEL_BUSY: 'It answers one prompt at a time: ask again in a moment.',
  TIMEOUT_NO_RESPONSE: 'Ask again. If it fails again, ask the owner of the host to check it.',
  GENERATION_FAILED: 'Ask again. The host’s debug log contains the reason.',
  GENERATION_ABORTED: 'The host cancelled it: ask again.',
  UNSUPPORTED_VERSION: 'Update Shoal or the host.',
};

/** The message of a host that has reached its limit of clients. The protocol defines it. */
const FULL = 'Max clients reached';
const FULL_ADVICE = `The host has ${MAX_CLIENTS} clients already; try again when one has left.`;

/** `CODE: what happened. What to do.` */
export function describeError({ code, message }: ShoalError): string {
  if (code === 'CONNECT_FAILED' && message === FULL) return `${code}: ${FULL_ADVICE}`;
  const advice = ADVICE[code];
  const text = printableName(message).trim();
  const sentence = /[.!?…]$/.test(text) ? text : `${text}.`;
  return `${code}: ${sentence}${advice === undefined ? '' : ` ${advice}`}`;
}
