import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesFor, isPublic } from './addresses.ts';

const PRIVATE = [
  'https://127.0.0.1/',
  'https://2130706433/',
  'https://0x7f.1/',
  'https://0177.0.0.1/',
  'https://127.1/',
  'https://0/',
  'https://10.1.2.3/',
  'https://172.31.255.255/',
  'https://192.168.0.1/',
  'https://100.64.0.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://[::1]/',
  'https://[::]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[fe80::1]/',
  'https://[fd00::1]/',
  'https://[ff02::1]/',
];

test('links to private networks and this machine are refused in every notation', async () => {
  for (const link of PRIVATE) {
    await assert.rejects(addressesFor(new URL(link), { allowedHosts: [] }), { code: 'INVALID_REQUEST' }, link);
  }
});

test('a name is refused if any of its addresses is private, else its addresses are returned', async () => {
  const publicAddress = { address: '93.184.215.14', family: 4 };
  const privateAddress = { address: '192.168.0.1', family: 4 };
  const url = new URL('https://models.example/');
  const policy = { allowedHosts: [], resolve: () => Promise.resolve([publicAddress]) };
  assert.deepEqual(await addressesFor(url, policy), [publicAddress]);
  await assert.rejects(
    addressesFor(url, { ...policy, resolve: () => Promise.resolve([publicAddress, privateAddress]) }),
    {
      code: 'INVALID_REQUEST',
      message: /models\.example is in a private network/,
    },
  );
  const unknown = { ...policy, resolve: () => Promise.reject(new Error('ENOTFOUND')) };
  await assert.rejects(addressesFor(url, unknown), { code: 'CONNECT_FAILED' });
});

test('only an allowed host may be private or use http', async () => {
  const url = new URL('http://127.0.0.1:8080/');
  const addresses = [{ address: '127.0.0.1', family: 4 }];
  assert.deepEqual(await addressesFor(url, { allowedHosts: ['127.0.0.1'] }), addresses);
  assert.deepEqual(await addressesFor(url, { allowedHosts: ['127.0.0.1:8080'] }), addresses);
  await assert.rejects(addressesFor(url, { allowedHosts: ['127.0.0.1:80'] }), { code: 'INVALID_REQUEST' });
  for (const link of ['http://93.184.215.14/', 'ftp://93.184.215.14/', 'data:,x', 'https://a:b@93.184.215.14/']) {
    await assert.rejects(addressesFor(new URL(link), { allowedHosts: [] }), { code: 'INVALID_REQUEST' }, link);
  }
});

test('public addresses are public', () => {
  for (const address of ['1.1.1.1', '93.184.215.14', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1']) {
    assert.equal(isPublic(address), true, address);
  }
  assert.equal(isPublic('models.example'), false);
});
