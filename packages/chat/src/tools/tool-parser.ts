import type { TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { Piece } from '../stop-filter.ts';
import type { AnswerParser } from '../answer-parser.ts';
import { AnswerScanner, type Reading } from './answer-scanner.ts';
import { Calls } from './calls.ts';
import { readReasoning, type ToolFormat } from './tool-format.ts';

export interface ToolParserOptions {
  /** The names of the offered tools. A call of any other tool is text. */
  readonly tools: readonly string[];
  /** If false, the answer ends after the first call. */
  readonly isParallel: boolean;
  /** True if the prompt ends with the beginning of the model's reasoning. */
  readonly isThinking: boolean;
}

/** Reads an answer in a tool format. */
export class ToolParser implements AnswerParser {
  readonly #scan = new AnswerScanner();
  readonly #calls: Calls;
  readonly #reading: Reading<void>;

  constructor(format: ToolFormat, { tools, isParallel, isThinking }: ToolParserOptions) {
    this.#calls = new Calls(this.#scan, new Set(tools), isParallel);
    this.#reading = readAnswer(format, this.#scan, this.#calls, isThinking);
  }

  get hasCalled(): boolean {
    return this.#calls.hasCalled;
  }

  get isCut(): boolean {
    return this.#calls.isCut;
  }

  get isOver(): boolean {
    return this.#calls.isOver;
  }

  push(piece: Piece): readonly (TextEvent | ToolCallEvent)[] {
    if (this.isOver) return [];
    this.#scan.push(piece);
    this.#reading.next();
    return this.#scan.takeEvents();
  }

  end(): readonly (TextEvent | ToolCallEvent)[] {
    this.#scan.end();
    if (!this.isOver) this.#reading.next();
    return [...this.#scan.takeEvents(), ...this.#scan.takeRemaining()];
  }
}

function* readAnswer(format: ToolFormat, scan: AnswerScanner, calls: Calls, isThinking: boolean): Reading<void> {
  if (isThinking) yield* readReasoning(scan);
  yield* format.read(scan, calls);
  // Text that the format did not read is text of the answer.
  if (!calls.isOver) yield* scan.find([]);
}
