import type { ServerResponse } from 'node:http';
import type { WorkerChosen } from '@shoal/client';

/** The value of `X-Shoal-Worker` if the headers are sent before a worker is known. */
const PENDING = 'pending';

/** Sets the headers that tell who answers. */
export function setAnswerHeaders(response: ServerResponse, worker: WorkerChosen | undefined): void {
  response.setHeader('x-shoal-worker', worker === undefined ? PENDING : encodeHeader(worker.name));
  if (worker === undefined) return;
  const { digest, privacy, attempts, auto } = worker;
  if (digest !== undefined) response.setHeader('x-shoal-model-digest', encodeHeader(digest));
  if (privacy !== undefined) response.setHeader('x-shoal-privacy', privacy);
  if (attempts !== undefined) response.setHeader('x-shoal-attempts', attempts);
  if (auto !== undefined) response.setHeader('x-shoal-auto', encodeHeader(auto));
}

/** Percent-encodes everything but printable ASCII, and the percent sign. */
function encodeHeader(text: string): string {
  return text.replaceAll(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character.toWellFormed()));
}
