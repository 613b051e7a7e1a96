export { GrammarBuilder } from './grammar-builder.ts';
export { jsonGrammar, schemaGrammar } from './json-grammar.ts';
export { addSchema } from './schema-writer.ts';
