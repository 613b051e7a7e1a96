import { renderUnicodeCompact } from 'uqr';

/** Modules of white around the code: what readers are promised. */
const QUIET_ZONE = 4;
const WHITE_ON_BLACK = '\u001b[97;40m';
const PLAIN = '\u001b[0m';

/** A text as a QR code of half blocks, dark where nothing is drawn; `colours` makes that so on a bright terminal, too. */
export function qrCode(text: string, colours: boolean): string[] {
  const lines = renderUnicodeCompact(text, { border: QUIET_ZONE }).split('\n');
  return colours ? lines.map((line) => `${WHITE_ON_BLACK}${line}${PLAIN}`) : lines;
}
