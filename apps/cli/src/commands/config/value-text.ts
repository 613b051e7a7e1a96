import { printableText } from '@shoal/host/printable';

/** A value of a setting as people write it: JSON, except for texts. */
export function valueText(value: unknown): string {
  return printableText(typeof value === 'string' ? value : JSON.stringify(value));
}
