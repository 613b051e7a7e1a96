import type { TemplateRenderer } from '@shoal/chat';

/** The part of node-llama-cpp's addon that is used. The addon is in the folder of its libraries. */
interface Addon {
  readonly AddonJinjaRenderer: new (source: string) => TemplateRenderer;
}

/** Runs a function that may never end, and reports its start and end to a process that can kill this one. */
export type Watchdog = <Value>(work: () => Value) => Value;

/**
 * Loads llama.cpp's Jinja engine from the addon at a path; the C interface has none. A template is a program that may run
 * forever or fill all memory, so every run goes through `watch`.
 */
export function jinjaCompiler(addonPath: string, watch: Watchdog): (source: string) => TemplateRenderer {
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
