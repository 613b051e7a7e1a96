import { renderUnicodeCompact } from 'uqr';

/** White modules around the code, as ISO/IEC 18004 requires. */
const QUIET_ZONE = 4;
const WHITE_ON_BLACK = '\u001b[97;40m';
const PLAIN = '\u001b[0m';

/** Returns the lines of a QR code in half blocks, light on dark. `colours` sets these colours, for bright terminals. */
export function qrCode(text: string, colours: boolean): string[] {
  const lines = renderUnicodeCompact(text, { border: QUIET_ZONE }).split('\n');
  return colours ? lines.map((line) => `${WHITE_ON_BLACK}${line}${PLAIN}`) : lines;
}
