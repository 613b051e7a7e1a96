export { formatGrammar } from './format-grammar.ts';
export { GrammarBuilder } from './grammar-builder.ts';
export { reasoningRule } from './reasoning-rule.ts';
export { addSchema } from './schema-writer.ts';
