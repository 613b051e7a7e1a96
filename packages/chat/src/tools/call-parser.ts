import type { AnswerParser } from '../answer-parser.ts';
import { TOOL_FORMATS } from './formats.ts';
import { ToolParser, type ToolParserOptions } from './tool-parser.ts';

/** The tool calls that an answer may contain, and the format that they have. */
export interface ExpectedCalls extends ToolParserOptions {
  /** The name of a tool format. */
  readonly format: string;
}

/** Creates the parser of one answer's tool calls. */
export function callParser({ format, ...options }: ExpectedCalls): AnswerParser {
  const known = TOOL_FORMATS.find(({ name }) => name === format);
  if (known === undefined) throw new Error(`There is no tool format ${format}.`);
  return new ToolParser(known, options);
}
