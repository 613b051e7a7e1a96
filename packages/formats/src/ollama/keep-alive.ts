/** In milliseconds. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;
/** The longest time of a timer. A longer duration has no limit. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Returns the milliseconds that a model stays in memory, from the notation of Ollama's `keep_alive`: `5m`, `1h30m`, a number
 * of seconds, 0 to unload at once, below 0 for no limit (Infinity). Undefined for anything else.
 */
export function keepAliveMs(value: string | number): number | undefined {
  const ms = typeof value === 'number' ? value * 1_000 : readDuration(value);
  if (ms === undefined || Number.isNaN(ms)) return undefined;
  return ms < 0 || ms > LONGEST_TIMER_MS ? Infinity : ms;
}

function readDuration(text: string): number | undefined {
  const [sign, rest] = text.startsWith('-') ? [-1, text.slice(1)] : [1, text];
  if (/^\d+(\.\d+)?$/.test(rest)) return sign * Number(rest) * 1_000;
  if (!DURATION.test(rest)) return undefined;
  const parts = [...rest.matchAll(PART)].map(([, count, unit = '']) => Number(count) * (UNITS[unit] ?? Number.NaN));
  return sign * parts.reduce((sum, part) => sum + part, 0);
}
