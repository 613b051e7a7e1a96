import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorCode, Shoal, temporaryFolder } from '../../testing/run-shoal.ts';

test('config sets, gets, lists, checks and unsets a setting', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  const path = join(shoal.home, 'config.json');
  assert.equal((await shoal.run(['config', 'set', 'slots', '3'])).stdout, `slots = 3 in ${path}\n`);
  const secret = await shoal.run(['config', 'set', 'doorToken', 'a long and secret word']);
  assert.equal(secret.stdout, `doorToken = (secret) in ${path}\n`);
  assert.equal((await shoal.run(['config', 'get', 'slots'])).stdout, '3\n');

  shoal.environment['POC_CLUSTER_IDS'] = 'one,two';
  const listed = (await shoal.run(['config', 'list', '--show-origin'])).stdout;
  assert.match(listed, /^clusters +\["one","two"\] +POC_CLUSTER_IDS$/m);
  assert.match(listed, new RegExp(`^slots +3 +${path}:2:3$`, 'm'));
  assert.match(listed, /^port +0 +SHOAL_PORT$/m);
  assert.match(listed, /^queue +16 +default$/m);
  assert.match(listed, /^threads +\(measured\) +default$/m);
  assert.ok(!listed.includes('secret word'));

  assert.equal((await shoal.run(['config', 'unset', 'slots'])).code, 0);
  assert.equal((await shoal.run(['config', 'get', 'slots'])).code, 1);
  writeFileSync(path, '{\n  "slots": 65\n}\n');
  const wrong = await shoal.run(['config', 'check']);
  assert.equal(wrong.code, 1);
  assert.equal(wrong.stderr, `shoal: ${path}:2:3: "slots" must be a whole number from 1 to 64.\n`);
  assert.equal(errorCode((await shoal.json(['config', 'get', 'colour'])).document), 'INVALID_REQUEST');
});

test('config edit keeps a valid text, and leaves the configuration alone otherwise', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  const path = join(shoal.home, 'config.json');
  await shoal.run(['config', 'set', 'slots', '3']);
  const edit = (expression: string): ReturnType<Shoal['run']> => {
    shoal.environment['EDITOR'] = `sed -i ${expression}`;
    return shoal.run(['config', 'edit']);
  };
  assert.equal((await edit('s/3/4/')).stdout, `Saved ${path}\n`);
  const before = readFileSync(path, 'utf8');
  assert.match(before, /"slots": 4/);
  const refused = await edit('s/4/400/');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^shoal: Nothing was changed\. .*config\.draft\.json:2:3: "slots" must be/);
  assert.equal(readFileSync(path, 'utf8'), before);
});
