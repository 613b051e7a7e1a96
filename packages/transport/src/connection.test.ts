import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peerGroup } from './connection.ts';

test('the group of a peer is its address without the port, for IPv6 the network of 64 bits', () => {
  const groups: Readonly<Record<string, string>> = {
    '192.0.2.1:7': '192.0.2.1',
    a1b2c3d4: 'a1b2c3d4',
    '2001:db8:1:2:3:4:5:6:7': '2001:db8:1:2::',
    '2001:db8::9:7': '2001:db8:0:0::',
    '::1:7': '0:0:0:0::',
    '[2001:db8:1:2::1]:7': '2001:db8:1:2::',
  };
  for (const [address, group] of Object.entries(groups)) assert.equal(peerGroup({ address }), group);
});
