import type { FastifyRequest } from 'fastify';

/** A program that sends no name. */
const UNNAMED = 'a program';

/** Returns who calls, for people: the name of the token, and the name of the program without its version. */
export function callerName({ headers, tokenName }: Pick<FastifyRequest, 'headers' | 'tokenName'>): string {
  const [product = ''] = (headers['user-agent'] ?? '').split(' ');
  const program = product.replace(/\/v?\d.*$/, '');
  if (tokenName === undefined) return program || UNNAMED;
  return program === '' ? tokenName : `${tokenName} (${program})`;
}
