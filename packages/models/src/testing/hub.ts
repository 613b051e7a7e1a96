import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** Handles one request. Returns true if it has responded. */
type Intercept = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;

/** A hub on loopback, whose responses a test can replace. */
export interface Hub {
  readonly url: URL;
  readonly requests: {
    readonly path: string;
    readonly range: string | undefined;
    readonly authorization: string | undefined;
  }[];
  readonly files: Map<string, Buffer>;
  readonly documents: Map<string, unknown>;
  /** Called before each response. */
  intercept: Intercept;
  sendsRanges: boolean;
  /** True if responses have an `ETag`. */
  sendsEtags: boolean;
  /** Bytes of files sent so far. */
  sentBytes: number;
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Opens a hub, which is closed when the test ends. */
export async function openHub(test: TestContext): Promise<Hub> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => close(server));
  const { port } = server.address() as AddressInfo;
  const hub: Hub = {
    url: new URL(`http://127.0.0.1:${port}/`),
    requests: [],
    files: new Map(),
    documents: new Map(),
    intercept: () => false,
    sendsRanges: true,
    sendsEtags: true,
    sentBytes: 0,
  };
  server.on('request', (request, response) => respond(hub, request, response));
  return hub;
}

/** Adds a repository of Hugging Face with these files. */
export function addRepository(hub: Hub, repository: string, files: Readonly<Record<string, Buffer>>): void {
  const list = Object.entries(files).map(([path, bytes]) => {
    hub.files.set(`/${repository}/resolve/main/${path}`, bytes);
    return {
      type: 'file',
      path,
      size: bytes.length,
      oid: 'x',
      lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 },
    };
  });
  hub.documents.set(`/api/models/${repository}/tree/main`, [
    { type: 'directory', path: 'x', size: 0 },
    { type: 'file', path: 'README.md', size: 3, oid: 'y' },
    ...list,
  ]);
}

/** Adds a model of Ollama's registry and returns its digest. */
export function addOllamaModel(hub: Hub, path: string, tag: string, bytes: Buffer): string {
  const digest = `sha256:${sha256(bytes)}`;
  hub.files.set(`/v2/${path}/blobs/${digest}`, bytes);
  hub.documents.set(`/v2/${path}/manifests/${tag}`, {
    schemaVersion: 2,
    layers: [
      { mediaType: 'application/vnd.ollama.image.model', digest, size: bytes.length },
      { mediaType: 'application/vnd.ollama.image.license', digest: `sha256:${sha256('MIT')}`, size: 3 },
    ],
  });
  return digest;
}

function respond(hub: Hub, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', hub.url);
  const { range, authorization } = request.headers;
  hub.requests.push({ path: url.pathname, range, authorization });
  if (hub.intercept(request, response, url)) return;
  const document = hub.documents.get(url.pathname);
  const file = hub.files.get(decodeURIComponent(url.pathname));
  if (document !== undefined) response.end(JSON.stringify(document));
  else if (file !== undefined) sendFile(hub, file, range, response);
  else response.writeHead(404).end();
}

function sendFile(hub: Hub, file: Buffer, range: string | undefined, response: ServerResponse): void {
  const { first, last } = /^bytes=(?<first>\d+)-(?<last>\d+)$/.exec(range ?? '')?.groups ?? {};
  const etag = hub.sendsEtags ? { etag: `"${sha256(file).slice(0, 16)}"` } : {};
  if (!hub.sendsRanges || first === undefined || last === undefined) {
    hub.sentBytes += file.length;
    response.writeHead(200, { 'content-length': file.length, ...etag }).end(file);
    return;
  }
  const start = Number(first);
  const end = Math.min(Number(last) + 1, file.length);
  if (start >= file.length) {
    response.writeHead(416).end();
    return;
  }
  hub.sentBytes += end - start;
  const headers = {
    'content-length': end - start,
    'content-range': `bytes ${start}-${end - 1}/${file.length}`,
    ...etag,
  };
  response.writeHead(206, headers).end(file.subarray(start, end));
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
