import type { Tool } from '@shoal/protocol';
import { addSchema, type GrammarBuilder } from '../grammar/index.ts';
import type { AnswerScanner, Reading } from './answer-scanner.ts';
import type { Calls } from './calls.ts';

/** A call that a grammar may force. */
export interface CallRule {
  /** The tool's name as a JSON string. */
  readonly quotedName: string;
  readonly name: string;
  /** The rule of its arguments. */
  readonly arguments: string;
}

/** How models of one kind write that they call tools. */
export interface ToolFormat {
  readonly name: string;
  /** Whether a template with that source is for such models. */
  matchesTemplate(source: string): boolean;
  /** GBNF, the body of a rule: one of the calls, or several where `isParallel`. */
  grammar(calls: readonly CallRule[], isParallel: boolean): string;
  /** Reads an answer, its thoughts before it taken off, until it is over. */
  read(scan: AnswerScanner, calls: Calls): Reading<void>;
}

/** The markers before a call, and what stands behind each of them. */
export interface MarkedCalls {
  readonly markers: readonly string[];
  /** Markers that say nothing. */
  readonly silent?: readonly string[] | undefined;
  /** Reads what stands behind a marker; false where that is no call. */
  readonly readAfter: (marker: string) => Reading<boolean>;
}

/** An answer in which calls stand between markers, and everything else is text. What is no call after all is text, too. */
export function* readMarkedCalls(scan: AnswerScanner, calls: Calls, marked: MarkedCalls): Reading<void> {
  const { markers, silent = [], readAfter } = marked;
  for (;;) {
    const marker = yield* scan.find([...markers, ...silent, '<think>']);
    if (marker === undefined) return;
    if (marker === '<think>') {
      scan.emitAsText();
      yield* readThought(scan);
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

/** A thought is text, whatever stands in it. */
export function* readThought(scan: AnswerScanner): Reading<void> {
  yield* scan.find(['</think>']);
  scan.emitAsText();
}

/** The rest of an answer, which is text. */
export function* readText(scan: AnswerScanner): Reading<void> {
  yield* scan.find([]);
}

/** GBNF that is that text. */
export function literal(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `"${escaped}"`;
}

/** GBNF of one call as a JSON object. */
export function objectRule(nameKey: string, argumentsKey: string, call: CallRule): string {
  return `${literal(`{"${nameKey}": ${call.quotedName}, "${argumentsKey}": `)} ${call.arguments} ${literal('}')}`;
}

export function anyOf(alternatives: readonly string[]): string {
  return `( ${alternatives.join(' | ')} )`;
}

/** GBNF of one, or of several with the separator between them. */
export function oneOrMore(rule: string, separator: string, isParallel: boolean): string {
  if (!isParallel) return rule;
  return separator === '' ? `( ${rule} )+` : `${rule} ( ${literal(separator)} ${rule} )*`;
}

/** What grammar rules can be made of; a tool without a schema takes no arguments. */
export function callRules(tools: readonly Tool[], builder: GrammarBuilder): readonly CallRule[] {
  return tools.map(({ name, parameters }, index) => {
    const isWithout = parameters === undefined || Object.keys(parameters).length === 0;
    const schema = isWithout ? { type: 'object', properties: {} } : parameters;
    return { name, quotedName: JSON.stringify(name), arguments: addSchema(builder, `arguments-${index}`, schema) };
  });
}
