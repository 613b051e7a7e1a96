import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DeviceLibrary, findGpu } from './gpu.ts';
import { DEVICE_TYPES } from './library.ts';

interface FakeDevice {
  readonly type: number;
  readonly registry: string;
  readonly free: number;
}

const CPU: FakeDevice = { type: DEVICE_TYPES.cpu, registry: 'CPU', free: 64 };
const cuda = (free: number): FakeDevice => ({ type: DEVICE_TYPES.gpu, registry: 'CUDA', free });
const vulkan = (free: number, type: number = DEVICE_TYPES.gpu): FakeDevice => ({ type, registry: 'Vulkan', free });

/** A library with these devices; a pointer is the number of a device. */
function libraryWith(devices: readonly FakeDevice[]): DeviceLibrary {
  const at = (pointer: bigint): FakeDevice => devices[Number(pointer)] ?? CPU;
  return {
    loadBackends: () => {},
    deviceCount: () => devices.length,
    device: (index) => BigInt(index),
    deviceType: (device) => at(device).type,
    deviceMemory: (device, free) => void (free[0] = BigInt(at(device).free)),
    deviceRegistry: (device) => device,
    registryName: (registry) => at(registry).registry,
  };
}

const find = (...devices: FakeDevice[]) => findGpu(libraryWith(devices), '/nowhere');

test('the memory of all cards of one interface counts', () => {
  assert.deepEqual(find(CPU, cuda(8), cuda(24)), { name: 'cuda', freeBytes: [8, 24] });
});

test('a card that two interfaces list counts once', () => {
  assert.deepEqual(find(cuda(8), vulkan(8), CPU), { name: 'cuda', freeBytes: [8] });
});

test('an integrated card is used only if there is no other', () => {
  const integrated = vulkan(16, DEVICE_TYPES.integratedGpu);
  assert.deepEqual(find(CPU, integrated, vulkan(8)), { name: 'vulkan', freeBytes: [8] });
  assert.deepEqual(find(CPU, integrated), { name: 'vulkan', freeBytes: [16] });
  assert.equal(find(CPU), undefined);
});
