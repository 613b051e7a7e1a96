import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admissionError, type Claims, type MemberOrigin, type VisitorOrigin } from './admission.ts';
import { identityOf } from './authorisation.ts';

const doorKey = identityOf(new Uint8Array(32).fill(1)).key;
const client = identityOf(new Uint8Array(32).fill(2));
const challenge = 'c5'.repeat(32);

const member: MemberOrigin = { type: 'member', clusters: ['ours', 'also-ours'] };
const visitor: VisitorOrigin = { type: 'visitor', doorKey, challenge, token: 'right' };

const OURS = ['elsewhere', 'ours'];
const signature = Buffer.from(
  client.sign(Buffer.from(`shoal/1 hello\n${doorKey}\n${challenge}\n${client.key}\n`)),
).toString('hex');

test('a member that lists a cluster of ours is admitted', () => {
  assert.equal(admissionError({ clusters: OURS }, member), undefined);
  assert.equal(admissionError({ clusters: OURS, token: 'wrong' }, member), undefined);
});

test('a member that shares no cluster is refused, whatever token or key it shows', () => {
  const claims: Claims = { clusters: ['elsewhere'], token: 'right', peer_id: client.key, signature };
  for (const clusters of [['elsewhere'], []]) {
    const error = admissionError({ ...claims, clusters }, member);
    assert.equal(error?.code, 'UNAUTHORIZED');
    assert.match(String(error?.message), /members of its clusters only/);
  }
});

test('where other clusters are possible, only a member that lists one of these is admitted', () => {
  const lending: MemberOrigin = { ...member, others: true };
  assert.equal(admissionError({ clusters: OURS }, lending), undefined);
  for (const claims of [{ clusters: ['elsewhere'] }, { clusters: [] }, {}]) {
    assert.match(String(admissionError(claims, lending)?.message), /the clusters in which it lends/);
  }
});

test('a visitor that shows the token or proves a key of the list is admitted', () => {
  assert.equal(admissionError({ clusters: [], token: 'right' }, visitor), undefined);
  const byKey = { ...visitor, allowedKeys: new Set([client.key]) };
  assert.equal(admissionError({ clusters: [], peer_id: client.key, signature }, byKey), undefined);
});

test('a visitor without a credential is refused, whatever cluster it lists', () => {
  const claims: Claims = { clusters: OURS, peer_id: client.key, signature };
  for (const shown of [claims, { ...claims, token: 'wrong' }]) {
    assert.equal(admissionError(shown, visitor)?.code, 'UNAUTHORIZED');
  }
});

test('a peer without a hello is admitted as a member where this node is in a cluster, and refused as a visitor', () => {
  assert.equal(admissionError({}, member), undefined);
  assert.equal(admissionError({}, { type: 'member', clusters: [] })?.code, 'UNAUTHORIZED');
  assert.equal(admissionError({}, visitor)?.code, 'UNAUTHORIZED');
});
