import { getLlama } from 'node-llama-cpp';
import type { TemplateRenderer } from '../templates/template-renderer.ts';

type Renderer = new (source: string) => TemplateRenderer;

/** llama.cpp's own Jinja, which the library uses itself and keeps to itself. */
export async function templateCompiler(): Promise<(source: string) => TemplateRenderer> {
  const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false });
  const bindings: unknown = Reflect.get(llama, '_bindings');
  const JinjaRenderer: unknown =
    typeof bindings === 'object' && bindings !== null ? Reflect.get(bindings, 'AddonJinjaRenderer') : undefined;
  if (!isRenderer(JinjaRenderer)) throw new Error('This node-llama-cpp brings no AddonJinjaRenderer.');
  return (source) => new JinjaRenderer(source);
}

function isRenderer(value: unknown): value is Renderer {
  return typeof value === 'function';
}
