import type { ModelInfo } from '@shoal/protocol';

/** Returns what is wrong with the models that a node lends: those that generate and take no messages. Undefined if none do. */
export function lendingProblem(models: readonly ModelInfo[]): string | undefined {
  const rawOnly = models.filter(isRawOnly).map(({ id }) => id);
  if (rawOnly.length === 0) return undefined;
  return (
    `Takes raw text only, and answers no messages: ${rawOnly.join(', ')}. Its chat template is missing or cannot be used. ` +
    'If it has one, see: shoal doctor'
  );
}

/** Returns the problem of lent models whose engine has failed. Undefined if there are none. */
export function unavailableProblem(ids: readonly string[]): string | undefined {
  if (ids.length === 0) return undefined;
  return `Cannot answer now, because the process of the model failed and is started again: ${ids.join(', ')}. See: shoal logs`;
}

/** True if no lent model answers messages, and at least one should: models for embeddings alone are not asked to. */
export function answersNoMessages(models: readonly ModelInfo[]): boolean {
  return models.some(isRawOnly) && !models.some(({ abilities }) => abilities?.includes('messages') ?? true);
}

/** An engine that does not know a model's abilities takes every request. */
function isRawOnly({ abilities }: ModelInfo): boolean {
  return abilities !== undefined && abilities.includes('prompt') && !abilities.includes('messages');
}
