import { ShoalError } from '@shoal/protocol/error';

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:']);
/** The path of the API if the URL has none. */
const DEFAULT_PATH = '/v1/';

/**
 * Reads the base URL of an API, as OpenAI's clients do (`http://127.0.0.1:52415/v1`). The default path is `/v1`, the default
 * scheme http. The result ends with a slash. Throws `INVALID_REQUEST` for another scheme, and for a password, a query or a
 * fragment, which messages would show.
 */
export function parseBaseUrl(text: string): URL {
  const trimmed = text.trim();
  const url = URL.parse(trimmed.includes('://') ? trimmed : `http://${trimmed}`);
  if (url === null || !SCHEMES.has(url.protocol)) throw invalid(`"${trimmed}"`);
  if (url.username !== '' || url.password !== '') throw invalid('with a name or password');
  if (url.search !== '' || url.hash !== '') throw invalid('with a query or fragment');
  if (url.pathname === '/') url.pathname = DEFAULT_PATH;
  else if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function invalid(what: string): ShoalError {
  return ShoalError.invalidRequest(
    `The URL ${what} is not valid for an OpenAI-compatible server. Give an http(s) URL, such as http://127.0.0.1:8000/v1.`,
  );
}
