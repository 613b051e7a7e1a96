import type { Capabilities } from '../templates/capabilities.ts';
import { commandR7b } from './command-r7b.ts';
import { deepseek, deepseek31 } from './deepseek.ts';
import { generic } from './generic.ts';
import { hermes } from './hermes.ts';
import { llama3 } from './llama3.ts';
import { mistral, mistralArguments } from './mistral.ts';
import type { ToolFormat } from './tool-format.ts';

/** The first that a template speaks is its own. */
export const TOOL_FORMATS: readonly ToolFormat[] = [
  commandR7b,
  deepseek,
  deepseek31,
  mistralArguments,
  mistral,
  hermes,
  llama3,
  generic,
];

/**
 * The format of the models that a template is for. Where it tells the model of no tools, or calls are written in a way that
 * is not known here, it is the generic one.
 */
export function toolFormatOf(source: string, capabilities: Capabilities): ToolFormat {
  if (!capabilities.tools || !capabilities.toolCalls) return generic;
  return TOOL_FORMATS.find((format) => format.matchesTemplate(source)) ?? generic;
}
