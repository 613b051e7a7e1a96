import { matchesGlob } from 'node:path';

/** As other programs name their debug output. */
const NAMESPACE = 'hyperswarm:swarm';

/**
 * Where a swarm's doings go, a line each: to stderr where the variable DEBUG asks for them (`DEBUG=hyperswarm:*`), else to the
 * log. Hyperswarm itself says nothing, whatever that variable is.
 */
export function swarmLog(log: (line: string) => void, patterns = process.env['DEBUG'] ?? ''): (line: string) => void {
  if (!isWanted(patterns)) return log;
  return (line) => process.stderr.write(`${NAMESPACE} ${line}\n`);
}

function isWanted(patterns: string): boolean {
  const all = patterns.split(/[\s,]+/).filter((pattern) => pattern !== '');
  const fits = (pattern: string): boolean => matchesGlob(NAMESPACE, pattern);
  return all.some(fits) && !all.some((pattern) => pattern.startsWith('-') && fits(pattern.slice(1)));
}
