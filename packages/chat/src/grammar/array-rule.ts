import type { JsonObject } from '@shoal/protocol/json';
import { boundsOf, unfit } from './keywords.ts';
import type { SchemaRules } from './schema-rules.ts';

/** Returns the rule body of an array: the items that the schema names by position, then the others. */
export function arrayBody(rules: SchemaRules, schema: JsonObject, path: string, rule: string): string {
  const { builder } = rules;
  const { least, most } = boundsOf(schema, ['minItems', 'maxItems'], path);
  const { first, rest } = itemsOf(schema, path);
  const named = first
    .slice(0, most)
    .map((item, index) => rules.ruleOf(item, `${path}/prefixItems/${index}`, `${rule}-${index}`));
  const missing = Math.max(0, least - named.length);
  if (rest === false && missing > 0) throw unfit(path, '"minItems" is more than the possible number of items');
  // If the schema does not describe further items, only the required number is generated.
  const isOpen = rest !== false && (rest !== undefined || first.length === 0);
  const further = isOpen ? (most === undefined ? undefined : most - named.length) : missing;
  if (further === 0) return `"[" space ${named.join(' "," space ')} space "]"`;
  const item =
    rest === undefined || rest === true
      ? builder.primitive('value')
      : rules.ruleOf(rest, `${path}/items`, `${rule}-item`);
  const next = builder.addRule(`${rule}-next`, `"," space ${item}`);
  if (named.length > 0)
    return `"[" space ${named.join(' "," space ')} ${builder.repeat(next, missing, further)} space "]"`;
  const more = builder.repeat(next, Math.max(0, missing - 1), further === undefined ? undefined : further - 1);
  return missing > 0 ? `"[" space ${item} ${more} space "]"` : `"[" space (${item} ${more})? space "]"`;
}

/** Reads `prefixItems` and `items`, or `items` and `additionalItems` of older drafts. */
function itemsOf(schema: JsonObject, path: string): { first: readonly unknown[]; rest: unknown } {
  const { prefixItems, items, additionalItems } = schema;
  if (prefixItems === undefined && Array.isArray(items)) return { first: items, rest: additionalItems };
  if (prefixItems !== undefined && !Array.isArray(prefixItems)) throw unfit(path, '"prefixItems" must be a list');
  if (Array.isArray(items)) throw unfit(path, '"items" must be a schema beside "prefixItems"');
  return { first: prefixItems ?? [], rest: items };
}
