import type { RequestRecord } from './request-record.ts';

/** `NodeB (1a2b3c4d) asked tiny: 42 tokens, 31 tokens/s, answered after 1.4 s (clusters)`. */
export function requestText(record: RequestRecord): string {
  const { who, via, model, outcome, code, tokens, tokensPerSecond, durationMs } = record;
  const rate =
    tokensPerSecond === undefined ? [] : [`${tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0)} tokens/s`];
  const work = outcome === 'refused' ? [] : [`${tokens} token${tokens === 1 ? '' : 's'}`, ...rate];
  const end = code === undefined ? outcome : `${outcome} with ${code}`;
  const parts = [...work, `${end} after ${(durationMs / 1_000).toFixed(1)} s`];
  return `${who} asked ${model === '' ? 'any model' : model}: ${parts.join(', ')} (${via})`;
}
