import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { locateHome } from '@shoal/host/home';
import { columns, count, duration, elapsed, modelText, print, snakeCased } from './output.ts';

test('columns are as wide as their widest cell, and lines have no trailing blanks', () => {
  assert.deepEqual(
    columns([
      ['a', 'bb', ''],
      ['ccc', 'd', 'e'],
    ]),
    ['a    bb', 'ccc  d   e'],
  );
});

test('control sequences in model text are removed for a terminal, and kept for a file', (t) => {
  const { isTTY: wasTTY } = process.stdout;
  t.after(() => (process.stdout.isTTY = wasTTY));
  const shown = [true, false].map((isTTY) => {
    process.stdout.isTTY = isTTY;
    return modelText('a\u001b[2Jb\n');
  });
  assert.deepEqual(shown, ['a[2Jb\n', 'a\u001b[2Jb\n']);
});

test('a line of a command’s result cannot change the terminal that it is printed on', (t) => {
  const { isTTY: wasTTY } = process.stdout;
  t.after(() => (process.stdout.isTTY = wasTTY));
  process.stdout.isTTY = true;
  const write = t.mock.method(process.stdout, 'write', () => true);
  print({ home: locateHome({ SHOAL_HOME: '/nowhere' }), json: false }, undefined, ['problem  \u001b[2Ja\u202eb\u200f']);
  const written = write.mock.calls.map(({ arguments: [text] }) => text);
  write.mock.restore();
  assert.deepEqual(written, ['problem  [2Jab\n']);
});

test('durations have at most two units', () => {
  const shown = [0.9, 59, 60, 3_599, 3_660, 90_000].map((seconds) => duration(seconds));
  assert.deepEqual(shown, ['0 s', '59 s', '1 min', '59 min', '1 h 1 min', '1 d 1 h']);
});

test('elapsed times have decimals below ten seconds', () => {
  const shown = [0, 0.031, 4.24, 9.96, 61].map((seconds) => elapsed(seconds));
  assert.deepEqual(shown, ['0.01 s', '0.03 s', '4.2 s', '10 s', '1 min']);
});

test('the keys of documents are in snake_case at every depth, and values are unchanged', () => {
  const document = { uptimeSeconds: 1, models: [{ contextLength: null, id: 'someModel' }], already_so: 'aB' };
  assert.deepEqual(snakeCased(document), {
    uptime_seconds: 1,
    models: [{ context_length: null, id: 'someModel' }],
    already_so: 'aB',
  });
});

test('count uses the singular for 1', () => {
  assert.deepEqual([count(0, 'peer'), count(1, 'peer'), count(2, 'peer')], ['0 peers', '1 peer', '2 peers']);
});

test('writing does not wait for a closed pipe', async () => {
  const script = `
    import { writeOut } from ${JSON.stringify(new URL('output.ts', import.meta.url).href)};
    process.stdout.on('error', () => undefined);
    for (let piece = 0; piece < 3; piece++) await writeOut('x'.repeat(1_048_576));
    process.exit(7);`;
  const writer = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(writer.stdout, 'data');
  writer.stdout.destroy();
  assert.deepEqual(await once(writer, 'exit'), [7, null]);
});
