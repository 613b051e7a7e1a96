import { printableName } from '@shoal/host/printable';
import type { ErrorCode, ShoalError } from '@shoal/protocol';
import { MAX_CLIENTS } from '@shoal/protocol/localllm';

/** What to do about an error, where its own message does not say it. */
const ADVICE: Partial<Readonly<Record<ErrorCode, string>>> = {
  CONNECT_FAILED: 'Try again in a moment.',
  MODEL_BUSY: 'It answers one prompt at a time: ask again in a moment.',
  TIMEOUT_NO_RESPONSE: 'Ask again; if that happens again, have the host looked at.',
  GENERATION_FAILED: 'Ask again; the host’s debug log has the reason.',
  GENERATION_ABORTED: 'The host ended it: ask again.',
  UNSUPPORTED_VERSION: 'Bring Shoal, or the host, up to date.',
};

/** What the hosts of this dialect say to one client too many, and what it means. */
const FULL = 'Max clients reached';
const FULL_MEANS = `The host has ${MAX_CLIENTS} clients already; try again when one has left.`;

/** `CODE: what happened. What to do.` */
export function describeError({ code, message }: ShoalError): string {
  if (code === 'CONNECT_FAILED' && message === FULL) return `${code}: ${FULL_MEANS}`;
  const advice = ADVICE[code];
  const words = printableName(message).trim();
  const sentence = /[.!?…]$/.test(words) ? words : `${words}.`;
  return `${code}: ${sentence}${advice === undefined ? '' : ` ${advice}`}`;
}
