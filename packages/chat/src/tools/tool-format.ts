import type { Tool } from '@shoal/protocol/request';
import { addSchema, type GrammarBuilder } from '../grammar/index.ts';
import type { AnswerScanner, Reading } from './answer-scanner.ts';
import type { Calls } from './calls.ts';

/** A tool in a grammar that enforces calls. */
export interface CallRule {
  /** The tool's name as a JSON string. */
  readonly quotedName: string;
  readonly name: string;
  /** The name of the rule for its arguments. */
  readonly arguments: string;
}

/** The syntax in which a family of models writes tool calls. */
export interface ToolFormat {
  readonly name: string;
  /** True if a template with this source uses the format. */
  matchesTemplate(source: string): boolean;
  /** Returns the body of a GBNF rule: one of the calls, or several if `isParallel`. */
  grammar(calls: readonly CallRule[], isParallel: boolean): string;
  /** Reads an answer to its end. Reasoning that the prompt began has already been read. */
  read(scan: AnswerScanner, calls: Calls): Reading<void>;
}

/** The markers before a call, and the reader of the text after them. */
export interface MarkedCalls {
  readonly markers: readonly string[];
  /** Markers that are dropped. */
  readonly silent?: readonly string[] | undefined;
  /** Reads the text after a marker. Returns false if it is not a call. */
  readonly readAfter: (marker: string) => Reading<boolean>;
}

/** Reads an answer whose calls follow markers. Everything else is text, even after a marker if it is not a call. */
export function* readMarkedCalls(scan: AnswerScanner, calls: Calls, marked: MarkedCalls): Reading<void> {
  const { markers, silent = [], readAfter } = marked;
  for (;;) {
    const marker = yield* scan.find([...markers, ...silent, '<think>']);
    if (marker === undefined) return;
    if (marker === '<think>') {
      scan.emitAsText();
      yield* readReasoning(scan);
    } else if (silent.includes(marker)) {
      scan.drop();
    } else if (yield* readAfter(marker)) {
      if (calls.isOver) return;
      yield* scan.dropSpaceBefore([...markers, ...silent]);
    } else {
      scan.emitAsText();
    }
  }
}

/** Reads reasoning up to its end marker as text, even if it contains calls. */
export function* readReasoning(scan: AnswerScanner): Reading<void> {
  yield* scan.find(['</think>']);
  scan.emitAsText();
}

/** Reads the rest of an answer as text. */
export function* readText(scan: AnswerScanner): Reading<void> {
  yield* scan.find([]);
}

/** Returns the text as a GBNF literal. */
export function literal(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `"${escaped}"`;
}

/** Returns the GBNF of one call as a JSON object. */
export function objectRule(nameKey: string, argumentsKey: string, call: CallRule): string {
  return `${literal(`{"${nameKey}": ${call.quotedName}, "${argumentsKey}": `)} ${call.arguments} ${literal('}')}`;
}

export function anyOf(alternatives: readonly string[]): string {
  return `( ${alternatives.join(' | ')} )`;
}

/** Returns the GBNF of one call, or of several with a separator if `isParallel`. */
export function oneOrMore(rule: string, separator: string, isParallel: boolean): string {
  if (!isParallel) return rule;
  return separator === '' ? `( ${rule} )+` : `${rule} ( ${literal(separator)} ${rule} )*`;
}

/** Adds a rule for the arguments of each tool. A tool without a schema has no arguments. */
export function callRules(tools: readonly Tool[], builder: GrammarBuilder): readonly CallRule[] {
  return tools.map(({ name, parameters }, index) => {
    const isWithout = parameters === undefined || Object.keys(parameters).length === 0;
    const schema = isWithout ? { type: 'object', properties: {} } : parameters;
    return { name, quotedName: JSON.stringify(name), arguments: addSchema(builder, `arguments-${index}`, schema) };
  });
}
