export { GrammarBuilder, jsonGrammar, schemaGrammar } from './grammar-builder.ts';
