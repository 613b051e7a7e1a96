import { isObject, type JsonObject } from '../../src/json.ts';
import type { Random } from '../../src/contracts/index.ts';

const STRINGS = ['', 'a', '\u0000', '🐟', '\ud800', '__proto__', 'x'.repeat(300), 'text', 'finish', 'ü\\"\n'] as const;
const NUMBERS = [0, -0, 1, -1, 0.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 65_536, 1e-320] as const;
const MOST_ITEMS = 4;
const DEPTH = 3;

export function oneOf<Item>(items: readonly [Item, ...Item[]], random: Random): Item {
  return items[random(items.length)] ?? items[0];
}

/** Returns any JSON value. */
export function anyValue(random: Random, depth = DEPTH): unknown {
  switch (random(depth > 0 ? 6 : 4)) {
    case 0:
      return oneOf(NUMBERS, random);
    case 1:
      return oneOf(STRINGS, random);
    case 2:
      return random(2) === 0;
    case 3:
      return null;
    case 4:
      return Array.from({ length: random(MOST_ITEMS) }, () => anyValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random(MOST_ITEMS) }, () => [oneOf(STRINGS, random), anyValue(random, depth - 1)]),
      );
  }
}

/** Returns a message of which one value somewhere is another one, missing, or added. */
export function changed(message: JsonObject, random: Random): JsonObject {
  const keys = Object.keys(message);
  const key = keys[random(keys.length)];
  if (key === undefined || random(8) === 0) return { ...message, [oneOf(STRINGS, random)]: anyValue(random) };
  const value = message[key];
  if (random(8) === 0) return Object.fromEntries(Object.entries(message).filter(([name]) => name !== key));
  if (isObject(value) && random(2) === 0) return { ...message, [key]: changed(value, random) };
  if (Array.isArray(value) && value.length > 0 && random(2) === 0) {
    const at = random(value.length);
    const items: readonly unknown[] = value;
    return { ...message, [key]: items.map((item, index) => (index === at ? changedItem(item, random) : item)) };
  }
  return { ...message, [key]: anyValue(random) };
}

function changedItem(item: unknown, random: Random): unknown {
  return isObject(item) && random(2) === 0 ? changed(item, random) : anyValue(random);
}
