import type { GrammarBuilder } from './grammar-builder.ts';

/** The rules of one schema document, which the rules of objects and arrays refer to. */
export interface SchemaRules {
  readonly builder: GrammarBuilder;
  /** Returns the name of the rule for a schema within the document: `name`, or a similar one if that is taken. */
  ruleOf(schema: unknown, path: string, name: string): string;
}
