import { isIPv6 } from 'node:net';
import { ShoalError } from '@shoal/protocol/error';

/** Ollama's default address. */
export const DEFAULT_ADDRESS = 'http://127.0.0.1:11434';

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 11434;
const SEPARATOR = '://';
/** Addresses that mean all interfaces, and the addresses for clients on the same machine. */
const CLIENT_HOSTS: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', DEFAULT_HOST],
  ['[::]', '[::1]'],
]);

/**
 * Reads an address as Ollama reads `OLLAMA_HOST` (envconfig/config.go): `host`, `host:port`, `:port`, or a URL, with or
 * without a path. The default port is 11434, or that of the scheme if there is one. The result ends with a slash. Throws
 * `INVALID_REQUEST` for a scheme other than http and https, an invalid port, and a password, which messages would show.
 */
export function parseAddress(text: string): URL {
  const trimmed = text.trim();
  const separator = trimmed.indexOf(SEPARATOR);
  const scheme = separator === -1 ? 'http' : trimmed.slice(0, separator).toLowerCase();
  const rest = separator === -1 ? trimmed : trimmed.slice(separator + SEPARATOR.length);
  const slash = rest.indexOf('/');
  const host = completeHost(slash === -1 ? rest : rest.slice(0, slash), separator === -1);
  const path = slash === -1 ? '' : rest.slice(slash);
  const url = URL.parse(`${scheme}${SEPARATOR}${host}${path.endsWith('/') ? path : `${path}/`}`);
  if ((scheme !== 'http' && scheme !== 'https') || url === null || url.search !== '' || url.hash !== '') {
    throw invalid(text);
  }
  if (url.username !== '' || url.password !== '') throw invalid('with a name or password');
  url.hostname = CLIENT_HOSTS.get(url.hostname) ?? url.hostname;
  return url;
}

function completeHost(host: string, needsPort: boolean): string {
  const bracketed = isIPv6(host) ? `[${host}]` : host;
  const named = bracketed === '' || bracketed.startsWith(':') ? DEFAULT_HOST + bracketed : bracketed;
  return needsPort && !/:\d+$/.test(named) ? `${named}:${DEFAULT_PORT}` : named;
}

function invalid(what: string): ShoalError {
  return ShoalError.invalidRequest(
    `The Ollama address ${what} is not valid. Give a host, host:port or http(s) URL, such as ${DEFAULT_ADDRESS}.`,
  );
}
