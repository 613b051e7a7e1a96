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
  assert.equal(second.reserve(31), false);
  assert.deepEqual([second.usedBytes, door.usedBytes, root.usedBytes], [0, 50, 50]);
  assert.equal(second.reserve(30), true);
  first.release(50);
  assert.deepEqual([first.usedBytes, door.usedBytes, root.usedBytes], [0, 30, 30]);
});

test('large frames leave a quarter of each limit to others', () => {
  const root = new Scope(100);
  const door = new Scope(80, root);
  assert.deepEqual([door.canEverHold(61), door.canEverHold(60)], [false, true]);
  assert.equal(door.reserveLarge(61), door);
  assert.equal(root.reserveLarge(16), undefined);
  assert.equal(door.reserveLarge(60), root);
  assert.equal(door.reserveLarge(59), undefined);
  assert.equal(door.reserve(21), true);
  assert.equal(door.reserve(1), false);
});

test('bytes that are held without asking take no room from requests and large frames', () => {
  const root = new Scope(100);
  root.grant(90);
  assert.deepEqual([root.hasRoom(11), root.hasRoom(10)], [false, true]);
  assert.equal(root.reserveLarge(75), undefined);
  assert.equal(root.reserve(25), true);
  assert.equal(root.usedBytes, 190);
});

test('a scope that closes gives back what it holds, and counts nothing afterwards', () => {
  const root = new Scope(100);
  const scope = new Scope(100, root);
  scope.grant(20);
  assert.ok(scope.reserve(40));
  assert.equal(root.usedBytes, 60);
  scope.close();
  scope.grant(20);
  scope.reserve(40);
  scope.release(40);
  assert.equal(root.usedBytes, 0);
});

test('the root is told when bytes are released below it', () => {
  const root = new Scope(100);
  const scope = new Scope(100, root);
  let told = 0;
  root.onRoom = () => (told += 1);
  scope.reserve(10);
  scope.release(10);
  assert.equal(told, 1);
});
