import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TestNetwork } from '../harness/test-network.ts';
import { CLIENTS_OF_SDKS, installed, type Result, runClient, tableOf } from './matrix.ts';
import { faultsOf, startOwn } from './node-for-sdks.ts';

/** The table of this test is between these lines of the page. `UPDATE_COMPATIBILITY=1` writes it. */
const PAGE = join(import.meta.dirname, '../../docs/compatibility.md');
const [BEGIN, END] = ['<!-- sdks -->\n\n', '\n\n<!-- /sdks -->'];

const network = await TestNetwork.open();
after(() => network.close());
const own = await startOwn(network, 'Own');
after(() => own.proxy.close());
const results: Result[] = [];

for (const client of CLIENTS_OF_SDKS) {
  const name = client.package ?? client.file;
  const folder = installed('sdks', client.language);
  const skip = folder === undefined && `the SDKs for ${client.language} are not installed: .ci/install-sdks`;
  test(`every case of ${name} succeeds, and every answer fits the public schema`, { skip }, async () => {
    const ran = await runClient(client, folder ?? '', own);
    results.push(...ran);
    assert.deepEqual(
      ran.filter(({ ok }) => ok === false),
      [],
    );
    assert.deepEqual(faultsOf(own.proxy), []);
    // A client that has left frees the worker.
    while ((await own.node.status()).load.active > 0);
  });
}

test('the table of docs/compatibility.md is that of these results', () => {
  const table = tableOf(results);
  console.log(table);
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', rest = ''] = page.split(BEGIN);
  const [written, behind = ''] = rest.split(END);
  if (process.env['UPDATE_COMPATIBILITY'] === '1') {
    writeFileSync(PAGE, `${before}${BEGIN}${table}${END}${behind}`);
  } else if (CLIENTS_OF_SDKS.every(({ language }) => installed('sdks', language) !== undefined)) {
    assert.equal(written, table);
  }
});
