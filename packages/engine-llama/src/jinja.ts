import type { TemplateRenderer } from '@shoal/chat';

/** The part of node-llama-cpp's addon that is used. The addon is in the folder of its libraries. */
interface Addon {
  readonly AddonJinjaRenderer: new (source: string) => TemplateRenderer;
}

/**
 * Loads llama.cpp's Jinja engine from the addon at a path; the C interface has none. A template is a program that may run
 * forever, fill all memory or crash.
 */
export function jinjaCompiler(addonPath: string): (source: string) => TemplateRenderer {
  const module: { exports: unknown } = { exports: {} };
  process.dlopen(module, addonPath);
  const addon: unknown = module.exports;
  if (!isAddon(addon)) throw new Error(`${addonPath} has no Jinja engine.`);
  return (source) => new addon.AddonJinjaRenderer(source);
}

function isAddon(addon: unknown): addon is Addon {
  return (
    typeof addon === 'object' &&
    addon !== null &&
    'AddonJinjaRenderer' in addon &&
    typeof addon.AddonJinjaRenderer === 'function'
  );
}
