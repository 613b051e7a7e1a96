import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eligibleTiers, TIERS } from './tiers.ts';

const PLENTY = { cpu_cores: 64, ram_gb: 512, gpu_vram_gb: 160, disk_gb: 4_000 };

function namesOf(resources: typeof PLENTY): string[] {
  return eligibleTiers(resources).flatMap((tier) => (tier.eligible ? [tier.name] : []));
}

function missing(name: string, resources: typeof PLENTY): string | undefined {
  const tier = eligibleTiers(resources).find((each) => each.name === name);
  return tier?.eligible === false ? tier.missing : undefined;
}

test('the table is the table of OpenGateway nodes', () => {
  const rows = TIERS.map(({ name, cores, ramGb, vramGb, diskGb }) => [name, cores, ramGb, vramGb ?? null, diskGb]);
  assert.deepEqual(rows, [
    ['SmolLM-360M', 1, 1, null, 2],
    ['Qwen2-0.5B', 1, 2, null, 3],
    ['SmolLM-1.7B', 1, 4, null, 5],
    ['TinyLlama-1.1B', 2, 1, null, 2],
    ['Phi-2-2.7B', 2, 2, null, 3],
    ['Llama-3.2-1.5B', 2, 4, null, 5],
    ['Llama-3.2-3B', 4, 8, null, 20],
    ['Llama-3.1-8B', 4, 12, 8, 30],
    ['Llama-3.1-70B', 8, 32, 24, 150],
    ['Llama-3.1-405B', 16, 64, 48, 500],
  ]);
});

test('a large machine may join every cluster, listed in the order of the table', () => {
  assert.deepEqual(
    namesOf(PLENTY),
    TIERS.map((tier) => tier.name),
  );
});

test('a machine with exactly the resources of a row is eligible', () => {
  for (const { name, cores, ramGb, vramGb, diskGb } of TIERS) {
    const resources = { cpu_cores: cores, ram_gb: ramGb, gpu_vram_gb: vramGb ?? 0, disk_gb: diskGb };
    assert.ok(namesOf(resources).includes(name), name);
  }
});

test('a machine without a graphics card cannot join the clusters that need one, and can join the others', () => {
  const names = namesOf({ ...PLENTY, gpu_vram_gb: 0 });
  assert.equal(names.length, 7);
  assert.equal(names.at(-1), 'Llama-3.2-3B');
});

test('a missing resource is named, with the needed and the available amount', () => {
  assert.equal(missing('Llama-3.2-3B', { ...PLENTY, cpu_cores: 2 }), 'CPU: 4 cores needed, 2 here');
  assert.equal(missing('Llama-3.2-3B', { ...PLENTY, ram_gb: 4 }), 'RAM: 8 GB needed, 4 GB here');
  assert.equal(missing('Llama-3.1-8B', { ...PLENTY, gpu_vram_gb: 0 }), 'GPU VRAM: 8 GB needed, 0 GB here');
  assert.equal(missing('Llama-3.1-8B', { ...PLENTY, disk_gb: 29 }), 'Disk: 30 GB needed, 29 GB here');
});

test('of several missing resources the first in the order of the table is named', () => {
  const bare = { cpu_cores: 1, ram_gb: 0, gpu_vram_gb: 0, disk_gb: 0 };
  assert.match(missing('Llama-3.1-405B', bare) ?? '', /^CPU/);
  assert.match(missing('SmolLM-360M', bare) ?? '', /^RAM/);
  assert.match(missing('Llama-3.1-8B', { ...PLENTY, gpu_vram_gb: 0, disk_gb: 0 }) ?? '', /^GPU VRAM/);
});
