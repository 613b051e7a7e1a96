import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scope } from './scope.ts';

test('bytes count in every scope to the root, and in none if one is full', () => {
  const root = new Scope(100);
  const door = new Scope(80, root);
  const [first, second] = [new Scope(50, door), new Scope(50, door)];
  assert.equal(first.reserve(50), true);
  assert.deepEqual([first.usedBytes, door.usedBytes, root.usedBytes], [50, 50, 50]);
  assert.equal(first.reserve(1), false);
  assert.equal(first.lacking(1), first);
  assert.equal(second.reserve(31), false);
  assert.equal(second.lacking(31), door);
  assert.deepEqual([second.usedBytes, door.usedBytes, root.usedBytes], [0, 50, 50]);
  assert.equal(second.reserve(30), true);
  first.release(50);
  assert.deepEqual([first.usedBytes, door.usedBytes, root.usedBytes], [0, 30, 30]);
});

test('a part of each limit can be left for others', () => {
  const root = new Scope(100);
  const door = new Scope(100, root);
  assert.equal(door.reserve(76, 3 / 4), false);
  assert.equal(door.canEverHold(76, 3 / 4), false);
  assert.equal(door.reserve(75, 3 / 4), true);
  assert.equal(door.reserve(25), true);
});

test('bytes that are there are counted above the limit, and nothing more is reserved meanwhile', () => {
  const root = new Scope(10);
  root.charge(20);
  assert.equal(root.reserve(1), false);
  root.release(20);
  assert.equal(root.reserve(1), true);
});

test('a scope that closes releases what it holds, and counts nothing afterwards', () => {
  const root = new Scope(100);
  const scope = new Scope(100, root);
  scope.charge(40);
  scope.close();
  scope.charge(40);
  scope.release(40);
  assert.equal(root.usedBytes, 0);
});

test('the root is told when bytes are released below it', () => {
  const root = new Scope(100);
  const scope = new Scope(100, root);
  let told = 0;
  root.onRoom = () => (told += 1);
  scope.charge(10);
  scope.release(10);
  assert.equal(told, 1);
});
