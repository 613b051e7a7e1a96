import type { AnswerFormat } from '@shoal/protocol/request';
import type { AnswerReasoning } from '../answer-reasoning.ts';
import { GrammarBuilder } from './grammar-builder.ts';
import { jsonGrammar, schemaGrammar } from './json-grammar.ts';
import { literal } from './literal.ts';
import { reasoningRule } from './reasoning-rule.ts';
import { addSchema } from './schema-writer.ts';

/**
 * Returns the grammar of an answer in a format, after reasoning if that is given. Throws `INVALID_REQUEST` for a schema that is
 * not supported or too complex.
 */
export function formatGrammar(format: AnswerFormat, reasoning?: AnswerReasoning): string {
  if (reasoning === undefined) return format.type === 'json' ? jsonGrammar() : schemaGrammar(format.schema);
  const builder = new GrammarBuilder();
  const answer = format.type === 'json' ? builder.primitive('object') : addSchema(builder, 'answer', format.schema);
  const rest = reasoningRule(reasoning.end);
  builder.addRule('root', `${reasoning.hasBegun ? rest : `( ${literal(reasoning.start)} ${rest} )?`} ${answer}`);
  return builder.toString();
}
