/** Serves one file on loopback, whole or in ranges, in a separate process. Prints its port. */
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream';

const path = process.argv[2] ?? '';
const { size } = statSync(path);

const server = createServer((request, response) => {
  const { first = '0', last = `${size - 1}` } =
    /^bytes=(?<first>\d+)-(?<last>\d+)$/.exec(request.headers.range ?? '')?.groups ?? {};
  const [start, end] = [Number(first), Math.min(Number(last), size - 1)];
  response.writeHead(request.headers.range === undefined ? 200 : 206, {
    'content-length': end - start + 1,
    'content-range': `bytes ${start}-${end}/${size}`,
    etag: '"the-only-one"',
  });
  // A client that disconnects early is not an error.
  pipeline(createReadStream(path, { start, end, highWaterMark: 1024 * 1024 }), response, () => undefined);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
});
