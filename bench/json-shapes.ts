/** JSON texts of `parse.ts`: each has a unit repeated as often as the limit of cost allows, then the cheapest filler. */
import { isTooCostly } from '../packages/protocol/src/json-cost.ts';

/** A text that repeats `unit` between `open` and `close`. */
interface Shape {
  readonly open: string;
  readonly unit: (index: number) => string;
  readonly close: string;
}

const listOf = (unit: Shape['unit']): Shape => ({ open: '[', unit, close: ']' });
const membersOf = (unit: Shape['unit']): Shape => ({ open: '{', unit, close: '}' });
const short = (index: number): string => index.toString(36);
const nested = (open: string, inner: string, close: string): string => open.repeat(28) + inner + close.repeat(28);

/** The texts that a hostile peer may repeat. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  'empty lists': listOf(() => '[]'),
  'empty objects': listOf(() => '{}'),
  'nested lists': listOf(() => nested('[', '', ']')),
  'nested objects': listOf(() => nested('{"a":', '0', '}')),
  'nested objects of other keys': listOf((index) => nested(`{"${short(index)}":`, '0', '}')),
  'objects of one other key': listOf((index) => `{"${short(index)}":0}`),
  'objects of two other keys': listOf((index) => `{"${short(index)}a":0,"${short(index % 1000)}b":0}`),
  'keys of one object': membersOf((index) => `"${short(index)}":0`),
  'escaped keys of one object': membersOf((index) => `"\\n${short(index)}":0`),
  'numbers as keys': membersOf((index) => `"${(index * 7919) % 4_294_967_291}":0`),
  'one key many times': membersOf(() => '"":0'),
  'empty strings': listOf(() => '""'),
  'short strings': listOf((index) => `"${short(index)}"`),
  'escaped strings': listOf(() => '"\\n"'),
  'small numbers': listOf(() => '0'),
  exponents: listOf((index) => `1e${index % 300}`),
  fractions: listOf((index) => String(Math.sin(index))),
  literals: listOf(() => 'null'),
};

/** A message of `bytes` bytes that costs as much as a message may. `members` go in front of the hostile one. */
export function costlyMessage({ open, unit, close }: Shape, bytes: number, members = ''): Uint8Array {
  const head = `{${members}"x":${open}`;
  const parts: string[] = [];
  let length = head.length + close.length + '}'.length;
  for (let part = unit(0); length + part.length + 1 <= bytes; part = unit(parts.length)) {
    parts.push(part);
    length += part.length + 1;
  }
  const textOf = (count: number): string => {
    const text = `${head}${parts.slice(0, count).join()}${close}`;
    const filler = ',"y":[0';
    const left = bytes - text.length - filler.length - 2;
    return left < 0 ? `${text}}` : `${text}${filler}${',0'.repeat(left / 2)}]}`;
  };
  let [least, most] = [0, parts.length];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (!isTooCostly(Buffer.from(textOf(middle)))) least = middle;
    else most = middle - 1;
  }
  return Buffer.from(textOf(least));
}
