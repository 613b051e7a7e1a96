import type { Logger, LogLevel } from './log.ts';
import { printableName } from './printable.ts';

/** Lines of one kind and source are counted instead of written beyond a number in this time. Then the count is written. */
const COUNT_WINDOW_MS = 60_000;
/** Sources of one kind that are counted apart in `COUNT_WINDOW_MS`. The others are counted together. */
const MAX_COUNTED_SOURCES = 64;
/** Characters of a source's name in the log. */
const SOURCE_CHARACTERS_MAX = 64;
const OTHERS = 'others';

/**
 * The events that a peer can cause at will: their name in the log, and the lines that are written in `COUNT_WINDOW_MS`, of one
 * source and of all together.
 */
const KINDS = {
  peers: { name: 'changes of peers', perSource: 8, inAll: 64 },
  requests: { name: 'requests', perSource: 60, inAll: 240 },
  errors: { name: 'errors', perSource: 8, inAll: 64 },
  engine: { name: 'messages of the engine', perSource: 8, inAll: 64 },
  door: { name: 'events at a door', perSource: 60, inAll: 240 },
} as const;

export type EventKind = keyof typeof KINDS;

/** Receives the counts; a pino logger is one. */
export interface CountSink {
  info(line: string): void;
}

interface Counts {
  written: number;
  readonly sources: Map<string, { written: number; left: number }>;
  /** Writes the latest event that was only counted. */
  latest: (() => void) | undefined;
}

/** One for each log, so that all parts of a program share its counts. */
const LOGS = new WeakMap<CountSink, CountedLog>();

/** Returns the `CountedLog` of a log. */
export function countedLog(log: CountSink): CountedLog {
  const counted = LOGS.get(log) ?? new CountedLog(log);
  LOGS.set(log, counted);
  return counted;
}

/**
 * Returns the function that logs what an engine says while it answers. Lines that differ in their numbers only are the same.
 * Debug lines, which somebody asked for, are not counted.
 */
export function engineLog(log: Logger): (level: LogLevel, line: string) => void {
  return (level, line) => {
    if (level === 'debug') log.debug(line);
    else countedLog(log).write('engine', line.replace(/\d+/g, '…'), () => log[level](line));
  };
}

/**
 * The lines of a log that peers cause. The first ones of each kind and source are written and the rest is counted, so that no
 * peer can fill the disk or hide what others do. Its memory is bounded whatever the peers send.
 */
export class CountedLog {
  readonly #log: CountSink;
  readonly #kinds = new Map<EventKind, Counts>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(log: CountSink) {
    this.#log = log;
  }

  /** Calls `write` for an event at once, or counts it. `source`: a peer's key, or what tells such events apart. */
  write(kind: EventKind, source: string, write: () => void): void {
    // An open count does not keep a program running. It is written by `flush` if the program ends before.
    this.#timer ??= setTimeout(() => this.flush(), COUNT_WINDOW_MS).unref();
    const { perSource, inAll } = KINDS[kind];
    const counts = this.#countsOf(kind);
    const one = sourceOf(counts, printableName(source).slice(0, SOURCE_CHARACTERS_MAX));
    if (one.written < perSource && counts.written < inAll) {
      one.written += 1;
      counts.written += 1;
      return write();
    }
    one.left += 1;
    counts.latest = write;
  }

  /** Writes what was counted and the latest event of each kind, and counts anew. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const kinds = [...this.#kinds];
    this.#kinds.clear();
    for (const [kind, { sources, latest }] of kinds) {
      for (const [source, { left }] of sources) {
        if (left > 0) this.#log.info(countLine(source, left, KINDS[kind].name));
      }
      latest?.();
    }
  }

  #countsOf(kind: EventKind): Counts {
    const counts = this.#kinds.get(kind) ?? { written: 0, sources: new Map(), latest: undefined };
    this.#kinds.set(kind, counts);
    return counts;
  }
}

function sourceOf({ sources }: Counts, name: string): { written: number; left: number } {
  const key = sources.has(name) || sources.size < MAX_COUNTED_SOURCES ? name : OTHERS;
  const one = sources.get(key) ?? { written: 0, left: 0 };
  sources.set(key, one);
  return one;
}

function countLine(source: string, left: number, kind: string): string {
  return `The same from ${source} ${left.toLocaleString('en')} more times in the last minute (${kind})`;
}
