import type { Usage } from '@shoal/protocol';

/** The usage of answers to one prompt, which counts once. Undefined if that of one of them is unknown. */
export function totalUsage(usages: readonly (Usage | undefined)[]): Usage | undefined {
  const [first] = usages;
  if (first === undefined) return undefined;
  let completionTokens = 0;
  for (const usage of usages) {
    if (usage === undefined) return undefined;
    completionTokens += usage.completionTokens;
  }
  return { ...first, completionTokens };
}

export function writeUsage({ promptTokens, cachedTokens, completionTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cachedTokens !== undefined && { prompt_tokens_details: { cached_tokens: cachedTokens } }),
  };
}
