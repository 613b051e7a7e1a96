import type { JsonObject } from '@shoal/protocol/json';
import { GrammarBuilder } from './grammar-builder.ts';
import { addSchema } from './schema-writer.ts';

/** Returns the grammar of any JSON object. */
export function jsonGrammar(): string {
  const builder = new GrammarBuilder();
  builder.addRule('root', builder.primitive('object'));
  return builder.toString();
}

/** Returns the grammar of JSON that fits the schema. Throws `INVALID_REQUEST` with the unsupported keyword and its path. */
export function schemaGrammar(schema: JsonObject): string {
  const builder = new GrammarBuilder();
  addSchema(builder, 'root', schema);
  return builder.toString();
}
