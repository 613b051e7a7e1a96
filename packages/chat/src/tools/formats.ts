import type { Capabilities } from '../templates/capabilities.ts';
import { commandR7b } from './command-r7b.ts';
import { deepseek, deepseek31 } from './deepseek.ts';
import { generic } from './generic.ts';
import { hermes } from './hermes.ts';
import { llama3 } from './llama3.ts';
import { mistral, mistralArguments } from './mistral.ts';
import type { ToolFormat } from './tool-format.ts';

/** All formats. The first one that matches a template is its format. */
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
 * Returns the tool format of a template: the generic one if the template does not support tools or its format is not
 * implemented.
 */
export function toolFormatOf(source: string, capabilities: Capabilities): ToolFormat {
  if (!capabilities.tools || !capabilities.toolCalls) return generic;
  return TOOL_FORMATS.find((format) => format.matchesTemplate(source)) ?? generic;
}
