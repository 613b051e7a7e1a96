import assert from 'node:assert/strict';
import { afterEach, suite, test } from 'node:test';
import { connect, type ConnectOptions, type GenerateInput, type Shoal } from '@shoal/client';
import { Network } from '@shoal/network';
import { createDht, localDht } from '@shoal/transport/dht';
import { type EchoDoor, type EchoDoorOptions, openEchoDoor } from './door.ts';

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function door(options: EchoDoorOptions = {}): Promise<EchoDoor> {
  const open = await openEchoDoor(options);
  opened.push(open);
  return open;
}

async function client(options: ConnectOptions): Promise<Shoal> {
  const shoal = await connect(options);
  opened.push(shoal);
  return shoal;
}

/** The received events: names of workers, joined texts, and the end. */
async function run(shoal: Shoal, input: Partial<GenerateInput> = {}): Promise<string[]> {
  const seen: string[] = [];
  let text = '';
  for await (const event of shoal.generate({ prompt: 'one two three', ...input })) {
    if (event.type === 'worker') seen.push(event.name);
    if (event.type === 'text') text += event.text;
    if (event.type === 'finish') seen.push(text, event.reason);
    if (event.type === 'error') seen.push(text, event.error.code, event.error.message);
  }
  return seen;
}

/** Waits until the client's peers match the condition. */
async function until(shoal: Shoal, isSo: () => boolean): Promise<void> {
  const done = Promise.withResolvers<void>();
  const look = (): void => {
    if (isSo()) done.resolve();
  };
  const stop = shoal.onChange(look);
  look();
  await done.promise;
  stop();
}

suite('connect({ peers })', () => {
  for (const transport of ['websocket', 'tcp'] as const) {
    test(`sends prompts to a peer over ${transport}, concurrently and repeatedly`, async () => {
      const { address } = await door({ transport });
      const shoal = await client({ peers: [address] });
      assert.deepEqual(await run(shoal), ['echo', 'one two three', 'stop']);
      assert.deepEqual(await run(shoal), ['echo', 'one two three', 'stop']);
      assert.deepEqual(
        shoal.peers().map(({ key }) => key),
        [address],
      );
    });
  }

  test('a long answer arrives completely, with credit for each piece', async () => {
    const { address } = await door();
    const prompt = 'word '.repeat(40_000);
    const shoal = await client({ peers: [address] });
    assert.deepEqual(await run(shoal, { prompt }), ['echo', prompt, 'stop']);
  });

  test('an abort reaches the engine', async () => {
    const { address, engine } = await door({ tokensPerSecond: 50 });
    const shoal = await client({ peers: [address] });
    const answer = shoal.generate({ prompt: 'word '.repeat(1_000) });
    for await (const event of answer) if (event.type === 'text') break;
    await engine.aborted;
  });

  test('another peer continues an answer if the first is lost during it', async () => {
    const doors = [await door({ tokensPerSecond: 200 }), await door({ tokensPerSecond: 200 })];
    const shoal = await client({ peers: doors.map(({ address }) => address) });
    await until(shoal, () => shoal.peers().length === 2);
    const prompt = 'one two three four five '.repeat(20);
    const answer = shoal.generate({ prompt });
    let workers = 0;
    let text = '';
    for await (const event of answer) {
      if (event.type === 'worker') workers += 1;
      if (event.type === 'error') throw event.error;
      if (event.type !== 'text') continue;
      if (text === '') await doors.find(({ engine }) => engine.requests.length > 0)?.close();
      text += event.text;
    }
    assert.equal(text, prompt);
    assert.equal(workers, 2);
  });

  test('a lost peer is dialled again', async () => {
    const first = await door({ name: 'first' });
    const { address } = first;
    const shoal = await client({ peers: [address] });
    assert.deepEqual(await run(shoal), ['first', 'one two three', 'stop']);
    await first.close();
    await until(shoal, () => shoal.peers().length === 0);
    await door({ name: 'second', port: Number(new URL(address).port) });
    await until(shoal, () => shoal.peers().length === 1);
    assert.deepEqual(await run(shoal), ['second', 'one two three', 'stop']);
  });

  test('an unreachable peer is reported at once', async () => {
    const gone = await door();
    await gone.close();
    const shoal = await client({ peers: [gone.address] });
    const [, code, message] = await run(shoal);
    assert.equal(code, 'CONNECT_FAILED');
    assert.ok(message?.includes(gone.address));
    assert.equal((await run(shoal))[1], 'CONNECT_FAILED');
  });

  test('an unreachable peer does not prevent another from answering', async () => {
    const gone = await door();
    await gone.close();
    const { address } = await door();
    assert.deepEqual(await run(await client({ peers: [gone.address, address] })), ['echo', 'one two three', 'stop']);
  });

  test('a request for a missing model is refused with the list of existing ones', async () => {
    const { address } = await door();
    const [, code, message] = await run(await client({ peers: [address] }), { model: 'llama-405b' });
    assert.equal(code, 'MODEL_NOT_FOUND');
    assert.match(message ?? '', /there are: echo/);
  });
});

suite('a door that asks for something', () => {
  test('accepts clients with its token, or with a key from its list', async () => {
    const { address } = await door({ token: 'a secret', allowedKeys: [] });
    assert.deepEqual(await run(await client({ peers: [address], token: 'a secret' })), [
      'echo',
      'one two three',
      'stop',
    ]);
    const seed = new Uint8Array(32).fill(7);
    const dht = await localDht(1);
    opened.push(dht);
    const swarmDht = createDht({ bootstrap: dht.bootstrap });
    opened.push(swarmDht);
    // The door sees the same key that this node has over Hyperswarm.
    const node = new Network({
      dht: swarmDht,
      seed,
      describe: () => ({ name: '', lends: false, models: [] }),
      status: () => ({ health: 100, active: 0, queued: 0, slots: 0 }),
    });
    opened.push(node);
    const listed = await door({ allowedKeys: [node.key] });
    assert.deepEqual(await run(await client({ peers: [listed.address], seed })), ['echo', 'one two three', 'stop']);
  });

  for (const transport of ['websocket', 'tcp'] as const) {
    test(`refuses others over ${transport} with UNAUTHORIZED, without the token in the message, not with a timeout`, async () => {
      const { address, engine } = await door({ transport, token: 'a secret' });
      for (const token of [undefined, 'a guess']) {
        const shoal = await client({ peers: [address], token });
        for (const [, code, message] of [await run(shoal), await run(shoal)]) {
          assert.equal(code, 'UNAUTHORIZED');
          assert.ok(message?.includes(address));
          assert.doesNotMatch(message ?? '', /secret|guess/);
        }
      }
      assert.equal(engine.requests.length, 0);
    });
  }
});

suite('peers and clusters', () => {
  test('a request for a cluster goes only to its members', async () => {
    const { address } = await door({ name: 'outside' });
    const inside = await door({ name: 'inside', clusters: ['team'] });
    const shoal = await client({ peers: [address, inside.address] });
    await until(shoal, () => shoal.peers().length === 2);
    for (let round = 0; round < 4; round += 1) assert.equal((await run(shoal, { cluster: 'team' }))[0], 'inside');
  });

  test('a client with peers only does not join a cluster', async () => {
    const { address } = await door();
    const shoal = await client({ peers: [address] });
    assert.throws(() => shoal.join('team'), { code: 'INVALID_REQUEST' });
    assert.equal(await shoal.leave('team'), false);
  });

  test('one client uses both', async () => {
    const dht = await localDht();
    opened.push(dht);
    const { address } = await door({ name: 'dialled' });
    const memberDht = createDht({ bootstrap: dht.bootstrap });
    opened.push(memberDht);
    const member = new Network({
      dht: memberDht,
      describe: () => ({ name: 'member', lends: true, models: [{ id: 'other' }] }),
      status: () => ({ health: 100, active: 0, queued: 0, slots: 1 }),
      onRequest: (exchange) => void exchange.send({ type: 'finish', reason: 'stop', rawReason: 'end' }),
    });
    opened.push(member);
    member.join('team');
    const shoal = await client({ peers: [address], clusters: ['team'], bootstrap: dht.bootstrap });
    await until(shoal, () => shoal.peers().length === 2);
    assert.deepEqual(await run(shoal, { model: 'other' }), ['member', '', 'stop']);
    assert.deepEqual(await run(shoal, { model: 'echo' }), ['dialled', 'one two three', 'stop']);
  });
});
