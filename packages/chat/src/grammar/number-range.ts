import { literal } from './literal.ts';

/** Digits on each side of the decimal point, as in llama.cpp. */
const DIGITS_MAX = 16;
const LARGEST = 10n ** BigInt(DIGITS_MAX) - 1n;
const ANY_DIGITS = `[0-9]{0,${DIGITS_MAX}}`;
const ZEROS = `[0]{0,${DIGITS_MAX}}`;
const ANY_FRACTION = `("." [0-9]{1,${DIGITS_MAX}})?`;

/** One end of a range. */
export interface Bound {
  readonly value: number;
  /** True if the value itself is outside. */
  readonly isExclusive: boolean;
}

/** The absolute value of a bound, in decimal digits. */
interface Magnitude {
  readonly whole: bigint;
  /** The digits after the point, without trailing zeros. */
  readonly fraction: string;
  readonly isExclusive: boolean;
}

/** A rule body; undefined if no number fits. */
type Body = string | undefined;

/** Returns GBNF for the whole numbers of a range. */
export function integersBetween(low?: Bound, high?: Bound): Body {
  const least = low === undefined ? -LARGEST : wholeFrom(low);
  const most = high === undefined ? LARGEST : -wholeFrom({ ...high, value: -high.value });
  const ofNegative = least < 0n ? wholesBetween(most < 0n ? -most : 1n, -least) : undefined;
  const others = most >= 0n ? wholesBetween(least > 0n ? least : 0n, most) : undefined;
  return either(ofNegative && `"-" ${ofNegative}`, others);
}

/** Returns GBNF for the numbers of a range, without exponents. */
export function numbersBetween(low?: Bound, high?: Bound): Body {
  const zero: Bound = { value: 0, isExclusive: false };
  const hasNegative = low === undefined || low.value < 0;
  const hasOthers = high === undefined || high.value >= 0;
  const ofNegative = hasNegative
    ? magnitudesBetween(high === undefined || high.value > 0 ? zero : high, low)
    : undefined;
  const others = hasOthers ? magnitudesBetween(low === undefined || low.value < 0 ? zero : low, high) : undefined;
  return either(ofNegative && `"-" ${ofNegative}`, others);
}

/** Returns the smallest whole number that fits a lower bound. */
function wholeFrom({ value, isExclusive }: Bound): bigint {
  return isExclusive ? BigInt(Math.floor(value)) + 1n : BigInt(Math.ceil(value));
}

function magnitudesBetween(from: Bound, to: Bound | undefined): Body {
  const low = magnitudeOf(from);
  if (to === undefined) {
    return either(
      `${wholeLiteral(low)} ${fractionFrom(low)}`,
      and(wholesBetween(low.whole + 1n, LARGEST), ANY_FRACTION),
    );
  }
  const high = magnitudeOf(to);
  if (low.whole === high.whole) return and(wholeLiteral(low), fractionBetween(low, high));
  if (low.whole > high.whole) return undefined;
  return either(
    `${wholeLiteral(low)} ${fractionFrom(low)}`,
    and(wholesBetween(low.whole + 1n, high.whole - 1n), ANY_FRACTION),
    and(wholeLiteral(high), fractionTo(high)),
  );
}

/** Rounds to 16 digits after the point. */
function magnitudeOf({ value, isExclusive }: Bound): Magnitude {
  const distance = Math.abs(value);
  const text = String(distance);
  const digits = text.includes('e-') ? distance.toFixed(DIGITS_MAX) : text;
  const fraction = digits.includes('e') ? '' : (digits.split('.')[1] ?? '');
  return {
    whole: BigInt(Math.floor(distance)),
    fraction: fraction.slice(0, DIGITS_MAX).replace(/0+$/, ''),
    isExclusive,
  };
}

function wholeLiteral({ whole }: Magnitude): string {
  return literal(String(whole));
}

/** Requires a `low` of at least 0. */
function wholesBetween(low: bigint, high: bigint): Body {
  const end = high < LARGEST ? high : LARGEST;
  const ways: Body[] = [];
  for (let from = low; from <= end;) {
    const longest = 10n ** BigInt(String(from).length) - 1n;
    ways.push(digitsBetween(String(from), String(longest < end ? longest : end)));
    from = longest + 1n;
  }
  return either(...ways);
}

/** Returns GBNF for the numbers between two numbers of equal length. */
function digitsBetween(from: string, to: string): string {
  const count = from.length;
  if (/^0*$/.test(from) && /^9*$/.test(to)) return count === 0 ? '' : `[0-9]{${count}}`;
  const [first, last] = [Number(from[0]), Number(to[0])];
  const [fromRest, toRest] = [from.slice(1), to.slice(1)];
  if (first === last) return `${digit(first, first)} ${digitsBetween(fromRest, toRest)}`;
  const isWholeFirst = /^0*$/.test(fromRest);
  const isWholeLast = /^9*$/.test(toRest);
  const between = digit(isWholeFirst ? first : first + 1, isWholeLast ? last : last - 1);
  return (
    either(
      isWholeFirst ? undefined : `${digit(first, first)} ${digitsBetween(fromRest, '9'.repeat(count - 1))}`,
      and(between, digitsBetween('0'.repeat(count - 1), '9'.repeat(count - 1))),
      isWholeLast ? undefined : `${digit(last, last)} ${digitsBetween('0'.repeat(count - 1), toRest)}`,
    ) ?? ''
  );
}

function fractionFrom({ fraction, isExclusive }: Magnitude): string {
  return fraction === '' && !isExclusive ? ANY_FRACTION : `"." ${digitsFrom(fraction, isExclusive)}`;
}

function fractionTo({ fraction, isExclusive }: Magnitude): Body {
  if (fraction === '') return isExclusive ? undefined : `("." [0]{1,${DIGITS_MAX}})?`;
  return `("." ${digitsTo(fraction, isExclusive)})?`;
}

/** The fractions between two bounds with the same whole part. */
function fractionBetween(low: Magnitude, high: Magnitude): Body {
  if (low.fraction === '' && !low.isExclusive) return fractionTo(high);
  return and('"."', fractionDigitsBetween(low.fraction, high.fraction, low.isExclusive, high.isExclusive));
}

/** At least one digit if `from` has one or is excluded. */
function fractionDigitsBetween(from: string, to: string, notFrom: boolean, notTo: boolean): Body {
  if (from === '' && !notFrom) return orNothing(digitsTo(to, notTo), to !== '' || !notTo);
  if (to === '') return undefined;
  const [first, last] = [Number(from[0] ?? 0), Number(to[0])];
  const [fromRest, toRest] = [from.slice(1), to.slice(1)];
  if (first > last) return undefined;
  if (first === last) return and(digit(first, first), fractionDigitsBetween(fromRest, toRest, notFrom, notTo));
  return either(
    and(digit(first, first), digitsFrom(fromRest, notFrom)),
    and(digit(first + 1, last - 1), ANY_DIGITS),
    and(digit(last, last), orNothing(digitsTo(toRest, notTo), toRest !== '')),
  );
}

function digitsFrom(from: string, notFrom: boolean): string {
  if (from === '') return notFrom ? `${ZEROS} [1-9] ${ANY_DIGITS}` : ANY_DIGITS;
  const first = Number(from[0]);
  return (
    either(and(digit(first + 1, 9), ANY_DIGITS), `${digit(first, first)} ${digitsFrom(from.slice(1), notFrom)}`) ?? ''
  );
}

/** At least one digit if `to` has one. */
function digitsTo(to: string, notTo: boolean): Body {
  if (to === '') return notTo ? undefined : ZEROS;
  const last = Number(to[0]);
  const rest = to.slice(1);
  return either(
    and(digit(0, last - 1), ANY_DIGITS),
    and(digit(last, last), orNothing(digitsTo(rest, notTo), rest !== '')),
  );
}

function digit(first: number, last: number): Body {
  if (first > last) return undefined;
  return first === last ? `[${first}]` : `[${first}-${last}]`;
}

function and(left: Body, right: Body): Body {
  return left === undefined || right === undefined ? undefined : `${left} ${right}`;
}

function orNothing(body: Body, mayBeNothing: boolean): Body {
  if (body === undefined) return mayBeNothing ? '' : undefined;
  return mayBeNothing ? `(${body})?` : body;
}

function either(...ways: readonly Body[]): Body {
  const possible = ways.filter((way) => way !== undefined);
  if (possible.length === 0) return undefined;
  return possible.length === 1 ? possible[0] : `(${possible.join(' | ')})`;
}
