/** The difference of two renderings, computed as in llama.cpp (common/chat-auto-parser-helpers.cpp). */
export interface Difference {
  readonly left: string;
  readonly right: string;
}

export interface Segment {
  readonly isMarker: boolean;
  readonly value: string;
}

const CLOSERS: Readonly<Record<string, string>> = { '<': '>', '[': ']' };

/** Splits text into markers, `<…>` and `[…]`, and the text between them. */
export function segmentize(text: string): Segment[] {
  const segments: Segment[] = [];
  let border = 0;
  let closer: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (closer === undefined) {
      closer = CLOSERS[char];
      if (closer === undefined) continue;
      if (border < at) segments.push({ isMarker: false, value: text.slice(border, at) });
      border = at;
    } else if (char === closer) {
      segments.push({ isMarker: true, value: text.slice(border, at + 1) });
      border = at + 1;
      closer = undefined;
    }
  }
  if (border < text.length) segments.push({ isMarker: false, value: text.slice(border) });
  return segments;
}

export function withoutBlank(segments: readonly Segment[]): Segment[] {
  return segments.filter(({ value }) => value.trim() !== '');
}

/** Removes common markers from both ends of two texts, then common characters, and returns the rest of each. */
export function differenceOf(left: string, right: string): Difference {
  if (right.startsWith(left)) return { left: '', right: right.slice(left.length) };
  const ofLeft = segmentize(left);
  const ofRight = segmentize(right);
  while (ofLeft.length > 1 && ofRight.length > 1) {
    const isSameStart = isSame(ofLeft[0], ofRight[0]);
    const isSameEnd = isSame(ofLeft.at(-1), ofRight.at(-1));
    if (isSameStart) dropBoth(ofLeft, ofRight, 'shift');
    if (isSameEnd && ofLeft.length > 0 && ofRight.length > 0) dropBoth(ofLeft, ofRight, 'pop');
    if (!isSameStart && !isSameEnd) break;
  }
  if (ofLeft.length > 0 && ofRight.length > 0) {
    if (isSame(ofLeft[0], ofRight[0])) dropBoth(ofLeft, ofRight, 'shift');
    else if (isSame(ofLeft.at(-1), ofRight.at(-1))) dropBoth(ofLeft, ofRight, 'pop');
  }
  return trimText(ofLeft, ofRight);
}

function trimText(ofLeft: readonly Segment[], ofRight: readonly Segment[]): Difference {
  const left = textOf(ofLeft);
  const right = textOf(ofRight);
  const mayEndAlike = ofLeft.at(-1)?.isMarker !== true && ofRight.at(-1)?.isMarker !== true;
  const mayBeginAlike = ofLeft[0]?.isMarker !== true && ofRight[0]?.isMarker !== true;
  const length = Math.min(left.length, right.length);
  let end = 0;
  while (mayEndAlike && end < length && left.at(-1 - end) === right.at(-1 - end)) end++;
  let start = 0;
  while (mayBeginAlike && start < length - end && left.charAt(start) === right.charAt(start)) start++;
  return { left: left.slice(start, left.length - end), right: right.slice(start, right.length - end) };
}

function dropBoth(left: Segment[], right: Segment[], side: 'shift' | 'pop'): void {
  left[side]();
  right[side]();
}

function isSame(one: Segment | undefined, other: Segment | undefined): boolean {
  return one !== undefined && one.isMarker === other?.isMarker && one.value === other.value;
}

function textOf(segments: readonly Segment[]): string {
  return segments.map(({ value }) => value).join('');
}
