import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** One line of a bench's table: the value, its spread and its target. */
export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  /** The smallest and the largest sample. */
  readonly low: number;
  readonly high: number;
  readonly samples: number;
  /** Undefined for figures that only explain others. */
  readonly target?: Target | undefined;
}

export interface BenchOptions {
  readonly json: boolean;
  readonly rounds: number;
  /** Returns the first value, or with `--smoke` the second, which makes the bench as short as possible. */
  size<Size>(full: Size, smoke: Size): Size;
}

/**
 * Reads the options of every bench: `--json` prints one document, `--rounds N` changes the number of rounds, and `--smoke`
 * runs one round with the smallest sizes, which only shows that the bench works.
 */
export function benchOptions(defaultRounds: number): BenchOptions {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      smoke: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds ?? (values.smoke ? 1 : defaultRounds));
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new TypeError('--rounds must be a whole number from 1.');
  return { json: values.json, rounds, size: (full, smoke) => (values.smoke ? smoke : full) };
}

/**
 * Takes one sample of each variant in turn, A B A B …, so that other load on the machine affects all of them. The first
 * `warmUps` rounds do not count. Returns the samples by variant, in order: those of one round have the same index.
 */
export async function interleave<Way extends string>(
  { rounds, warmUps }: { readonly rounds: number; readonly warmUps: number },
  ways: Readonly<Record<Way, () => Promise<number>>>,
): Promise<Record<Way, number[]>> {
  const names = Object.keys(ways) as Way[];
  const samples = Object.fromEntries(names.map((way) => [way, [] as number[]])) as Record<Way, number[]>;
  for (let round = -warmUps; round < rounds; round++) {
    for (const way of names) {
      const sample = await ways[way]();
      if (round >= 0) samples[way].push(sample);
    }
  }
  return samples;
}

/** The median of the samples. */
export function median(what: string, unit: string, samples: readonly number[], target?: Target): Figure {
  return quantile(0.5, what, unit, samples, target);
}

/** A quantile of the samples, by linear interpolation between the two nearest. `share` is 0.99 for p99. */
export function quantile(
  share: number,
  what: string,
  unit: string,
  samples: readonly number[],
  target?: Target,
): Figure {
  const sorted = samples.toSorted((left, right) => left - right);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const value = at(below) + (at(Math.ceil(place)) - at(below)) * (place - below);
  const spread = { low: at(0), high: at(sorted.length - 1), samples: sorted.length };
  return { what, unit, value, ...spread, ...(target === undefined ? {} : { target }) };
}

/** The median of one variant divided by that of another. The spread is that of the quotients of each round. */
export function quotient(
  what: string,
  dividends: readonly number[],
  divisors: readonly number[],
  target?: Target,
): Figure {
  const pairs = dividends.map((dividend, round) => dividend / (divisors[round] ?? Number.NaN));
  const value = median('', '', dividends).value / median('', '', divisors).value;
  return { ...median(what, '', pairs, target), value };
}

/** Prints the figures as a table, or with `--json` as one document. */
export function report(bench: string, figures: readonly Figure[], { json }: BenchOptions): void {
  if (json) {
    const rows = figures.map((figure) => ({ ...figure, ...(figure.target && { met: isMet(figure, figure.target) }) }));
    console.log(JSON.stringify({ bench, date: new Date().toISOString(), machine: machine(), figures: rows }, null, 2));
    return;
  }
  const { processor, cores, memoryGb, node } = machine();
  console.log(`${bench}: ${processor}, ${cores} cores, ${memoryGb} GB, Node ${node}`);
  const header = ['', 'value', 'min–max', 'samples', 'target', ''];
  const rows = [header, ...figures.map(row)];
  const widths = header.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  for (const cells of rows) {
    const padded = cells.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    console.log(padded.join('  ').trimEnd());
  }
}

function row(figure: Figure): string[] {
  const { what, unit, value, low, high, samples, target } = figure;
  const cells = [what, `${rounded(value)} ${unit}`.trim(), `${rounded(low)}–${rounded(high)}`, String(samples)];
  if (target === undefined) return [...cells, '', ''];
  const wanted = 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
  return [...cells, wanted, isMet(figure, target) ? 'met' : 'missed'];
}

function isMet({ value }: Figure, target: Target): boolean {
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}

function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 3);
}

function machine() {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.versions.node,
  };
}
