import type { TemplateRenderer } from '@shoal/chat';

/** What we use of node-llama-cpp's addon, beside whose libraries it lies. */
interface Addon {
  readonly AddonJinjaRenderer: new (source: string) => TemplateRenderer;
}

/** Runs what nothing bounds: whoever watches can end the process. */
export type Watch = <Value>(work: () => Value) => Value;

/**
 * Makes llama.cpp's own Jinja engine, which its C interface does not have, out of the addon at a path. A template is a
 * program that may take for ever, or all memory; `watch` is told of each time that one runs.
 */
export function jinjaCompiler(addonPath: string, watch: Watch): (source: string) => TemplateRenderer {
  const module: { exports: unknown } = { exports: {} };
  process.dlopen(module, addonPath);
  const addon: unknown = module.exports;
  if (!isAddon(addon)) throw new Error(`${addonPath} has no Jinja engine.`);
  return (source) => {
    const renderer = watch(() => new addon.AddonJinjaRenderer(source));
    return { render: (variables) => watch(() => renderer.render(variables)) };
  };
}

function isAddon(addon: unknown): addon is Addon {
  return (
    typeof addon === 'object' &&
    addon !== null &&
    'AddonJinjaRenderer' in addon &&
    typeof addon.AddonJinjaRenderer === 'function'
  );
}
