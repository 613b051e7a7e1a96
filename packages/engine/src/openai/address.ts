import { ShoalError } from '@shoal/protocol';

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:']);
/** Where the API begins on a server that was named without a path. */
const USUAL_PATH = '/v1/';

/**
 * Reads a base URL as OpenAI's clients do, which is what the API's paths are put behind (`http://127.0.0.1:52415/v1`). Without
 * a path that is `/v1`, without a scheme it is http. The result ends with a slash. Throws `INVALID_REQUEST` for another scheme,
 * and for a password, a query or a fragment, which would end up in messages.
 */
export function parseBaseUrl(text: string): URL {
  const trimmed = text.trim();
  const url = URL.parse(trimmed.includes('://') ? trimmed : `http://${trimmed}`);
  if (url === null || !SCHEMES.has(url.protocol)) throw invalid(`"${trimmed}"`);
  if (url.username !== '' || url.password !== '') throw invalid('with a name or password');
  if (url.search !== '' || url.hash !== '') throw invalid('with a query or fragment');
  if (url.pathname === '/') url.pathname = USUAL_PATH;
  else if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function invalid(what: string): ShoalError {
  return ShoalError.invalidRequest(
    `The URL ${what} cannot be that of an OpenAI-compatible server. Give an http(s) URL, such as http://127.0.0.1:8000/v1.`,
  );
}
