import { canAnswer, isNamed } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { OfferedModel } from '@shoal/formats/models';
import { AUTO_MODEL } from '@shoal/client';

/** The place where a request is sent. */
export interface ModelRoute {
  /** A model's id or digest, or `auto`. Undefined: each worker's first model. */
  readonly model: string | undefined;
  /** Undefined: all clusters. */
  readonly cluster: string | undefined;
}

/** The names by which a request may choose a model on this node. */
export interface ModelNames {
  /** From alias to name. An alias may contain `*` for any text. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly clusters: readonly string[];
  readonly models: readonly OfferedModel[];
}

/**
 * Returns the routes to try in order. A name is an alias of the configuration, `auto`, a model, or `MODEL@CLUSTER`. Of several
 * names, those of models that are not on offer or lack an ability that the request needs are left out.
 */
export function routesOf(names: readonly string[], request: InferenceRequest, known: ModelNames): ModelRoute[] {
  if (names.length === 0) return [{ model: undefined, cluster: undefined }];
  const routes = names.map((name) => routeOf(resolveAlias(name, known.aliases), known));
  const usable = routes.filter(({ model }) => isUsable(model, request, known.models));
  return usable.length > 0 ? usable : routes.slice(0, 1);
}

/** Returns the target of the first alias that fits a name, or the name itself. Exact aliases come before patterns. */
export function resolveAlias(name: string, aliases: Readonly<Record<string, string>>): string {
  const exact = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  if (exact !== undefined) return exact;
  const pattern = Object.keys(aliases).find((alias) => alias.includes('*') && matches(alias, name));
  return (pattern === undefined ? undefined : aliases[pattern]) ?? name;
}

/** A pattern without backtracking: each part between asterisks is found in order. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*');
  const [first = '', last = ''] = [parts[0], parts.at(-1)];
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return from <= name.length - last.length;
}

/** Throws `INVALID_REQUEST` for a cluster that the node is not in. */
function routeOf(name: string, { clusters, models }: ModelNames): ModelRoute {
  const at = name.lastIndexOf('@');
  if (at <= 0 || models.some(({ id }) => id === name)) return { model: name, cluster: undefined };
  const [model, cluster] = [name.slice(0, at), name.slice(at + 1)];
  if (clusters.includes(cluster)) return { model, cluster };
  const joined = clusters.length === 0 ? 'It is in none.' : `It is in: ${clusters.join(', ')}.`;
  throw ShoalError.invalidRequest(`"model" names the cluster ${cluster}, and this node is not in it. ${joined}`);
}

function isUsable(model: string | undefined, request: InferenceRequest, models: readonly OfferedModel[]): boolean {
  if (model === undefined || model === AUTO_MODEL) return true;
  return models.some((offered) => isNamed(offered, model) && canAnswer(offered, request));
}
