import { printableName } from '@shoal/host/printable';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { columns, count, duration, print } from '../../terminal/output.ts';
import { listConversations, removeConversation } from '../../run/conversation-files.ts';

const HEADINGS = ['NAME', 'MODEL', 'LENGTH', 'SAVED'];

/** `shoal saved list`: the conversations saved with `/save`. */
export async function listSaved(context: Context): Promise<number> {
  const conversations = await listConversations(context.home);
  const rows = conversations.map(({ name, model, messages, savedAt }) => [
    name,
    printableName(model),
    count(messages, 'message'),
    `${duration(Math.max(0, (Date.now() - Date.parse(savedAt)) / 1_000))} ago`,
  ]);
  const documents = conversations.map(({ savedAt, ...others }) => ({ ...others, saved_at: savedAt }));
  print(
    context,
    { conversations: documents },
    rows.length > 0 ? columns([HEADINGS, ...rows]) : ['none yet; save one with /save in "shoal run"'],
  );
  return EXIT.ok;
}

/** `shoal saved rm`: removes a saved conversation. */
export async function removeSaved(context: Context, name: string): Promise<number> {
  await removeConversation(context.home, name);
  print(context, { name }, [`Removed ${printableName(name)}`]);
  return EXIT.ok;
}
