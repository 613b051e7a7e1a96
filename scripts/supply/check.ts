import type { Exception } from './exceptions.ts';
import type { Finding } from './findings.ts';

/** Returns what fails the check: findings that are not accepted, and exceptions of the same kinds that are not needed any more. */
export function problems(
  findings: readonly Finding[],
  exceptions: readonly Exception[],
  kinds: readonly string[],
): readonly string[] {
  const accepted = new Set(exceptions.map(({ id }) => id));
  const found = new Set(findings.map(({ id }) => id));
  const ofKinds = exceptions.filter(({ id }) => kinds.some((kind) => id.startsWith(`${kind} `)));
  return [
    ...findings.filter(({ id }) => !accepted.has(id)).map(({ id, what }) => `${id}: ${what}`),
    ...ofKinds.filter(({ id }) => !found.has(id)).map(({ id }) => `${id}: this exception is not needed any more`),
  ];
}
