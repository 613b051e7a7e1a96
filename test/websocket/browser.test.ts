import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { Chromium } from './chromium.ts';
import { type EchoDoor, openEchoDoor } from './door.ts';

const TOOLS = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'shoal-tools/browser/node_modules/.bin');
const BUNDLE_BYTES_MAX = 1024 * 1024;

const esbuild = find('esbuild', [TOOLS]);
const chromium = find('chromium', (process.env['PATH'] ?? '').split(delimiter));
const missing = [...(esbuild === undefined ? ['esbuild'] : []), ...(chromium === undefined ? ['Chromium'] : [])];
const skip = missing.length > 0 && `${missing.join(' and ')} is not here: .ci/install-browser-tools`;

suite('the SDK in a web page', { skip }, () => {
  let browser: Chromium;
  let pages: Server;
  let door: EchoDoor;
  let port: number;

  before(async () => {
    assert.ok(esbuild !== undefined && chromium !== undefined);
    const script = await bundle(esbuild);
    pages = createServer((request, response) => {
      const isScript = request.url === '/page.js';
      response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
      response.end(isScript ? script : '<!doctype html><script type="module" src="/page.js"></script>');
    });
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    const address = pages.address();
    assert.ok(typeof address === 'object' && address !== null);
    port = address.port;
    door = await openEchoDoor({ tokensPerSecond: 50 });
    browser = await Chromium.start(chromium);
  });

  after(async () => {
    await browser.close();
    await door.close();
    pages.closeAllConnections();
    pages.close();
  });

  test('streams an answer from a door, and aborts another, which stops the engine', async () => {
    const page = await browser.open(`http://127.0.0.1:${port}/`);
    const whole = await page(`ask(${JSON.stringify(door.address)}, 'four score and seven 🐟')`);
    assert.deepEqual(whole, { texts: ['four ', 'score ', 'and ', 'seven ', '🐟'], end: 'finish stop' });
    const cut = await page(`ask(${JSON.stringify(door.address)}, 'word '.repeat(10_000), 3)`);
    assert.deepEqual(cut, { texts: ['word ', 'word ', 'word '], end: 'finish abort' });
    await door.engine.aborted;
  });

  test('gets an error for features that a page does not have', async () => {
    const page = await browser.open(`http://127.0.0.1:${port}/`);
    assert.match(String(await page(`refusal({ clusters: ['team'] })`)), /web page cannot join clusters/);
    assert.match(String(await page(`refusal({ peers: ['tcp://127.0.0.1:1'] })`)), /web page cannot dial/);
  });

  test('is refused on a page from another origin', async () => {
    const asked = door.engine.requests.length;
    const page = await browser.open(`http://evil.test:${port}/`);
    assert.deepEqual(await page(`ask(${JSON.stringify(door.address)}, 'Hi')`), {
      texts: [],
      end: 'error CONNECT_FAILED',
    });
    assert.equal(door.engine.requests.length, asked);
  });
});

function find(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** The page's script with the whole SDK. Fails if the SDK needs a Node module. */
async function bundle(program: string): Promise<string> {
  const entry = join(import.meta.dirname, 'page.ts');
  const options = ['--bundle', '--format=esm', '--platform=browser', '--log-level=warning'];
  const { stdout } = await promisify(execFile)(program, [entry, ...options], { maxBuffer: BUNDLE_BYTES_MAX });
  return stdout;
}
