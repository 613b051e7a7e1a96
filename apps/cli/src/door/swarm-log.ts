import { matchesGlob } from 'node:path';

/** The name of the swarm's debug output, in the notation of the package debug. */
const NAMESPACE = 'hyperswarm:swarm';

/**
 * Returns a function that logs events of a swarm: to stderr if the variable DEBUG selects them (`DEBUG=hyperswarm:*`), else to
 * `log`. Hyperswarm itself has no such output.
 */
export function swarmLog(log: (line: string) => void, patterns = process.env['DEBUG'] ?? ''): (line: string) => void {
  if (!isSelected(patterns)) return log;
  return (line) => process.stderr.write(`${NAMESPACE} ${line}\n`);
}

function isSelected(patterns: string): boolean {
  const all = patterns.split(/[\s,]+/).filter((pattern) => pattern !== '');
  const fits = (pattern: string): boolean => matchesGlob(NAMESPACE, pattern);
  return all.some(fits) && !all.some((pattern) => pattern.startsWith('-') && fits(pattern.slice(1)));
}
