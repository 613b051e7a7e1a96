import { inspectModel } from '@shoal/models';
import { printableText } from '@shoal/host/printable';
import type { ModelChoice } from './choose-model.ts';
import { descriptionRows } from '../commands/models/show.ts';
import { columns } from '../terminal/output.ts';

/** Limit of a template or licence that is shown, in UTF-16 units. */
const SHOWN_LENGTH_MAX = 64 * 1024;

/** Returns the lines of `/show` about a model, from its GGUF header. */
export async function describeModel(
  choice: ModelChoice,
  what: 'info' | 'license' | 'template',
): Promise<readonly string[]> {
  const { name, node } = choice;
  const paths = await choice.files();
  if (paths.length === 0) {
    const owner = node === undefined ? 'The engine' : `The node ${node}`;
    return [`${owner} has the file of ${name}. "shoal show" describes local models only.`];
  }
  const about = await inspectModel(paths);
  switch (what) {
    case 'info':
      return columns([['Model', name], ...descriptionRows(about)]);
    case 'license':
      return [shown(about.licence) ?? 'The model’s file does not name a licence.'];
    case 'template':
      return [shown(about.chatTemplate) ?? 'The model’s file has no chat template.'];
    default:
      return what satisfies never;
  }
}

function shown(text: string | undefined): string | undefined {
  return text === undefined ? undefined : printableText(text.slice(0, SHOWN_LENGTH_MAX));
}
