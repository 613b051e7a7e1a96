import type { TemplateRenderer } from '../templates/template-renderer.ts';
import { loadAddon } from './addon.ts';

type Renderer = new (source: string) => TemplateRenderer;

/** Returns a compiler of templates with llama.cpp's own Jinja engine. */
export function templateCompiler(): (source: string) => TemplateRenderer {
  const JinjaRenderer = loadAddon()['AddonJinjaRenderer'];
  if (!isRenderer(JinjaRenderer)) throw new Error('The addon has no AddonJinjaRenderer.');
  return (source) => new JinjaRenderer(source);
}

function isRenderer(value: unknown): value is Renderer {
  return typeof value === 'function';
}
