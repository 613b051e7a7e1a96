import { listModels } from '@shoal/host/models';
import { ShoalError } from '@shoal/protocol/error';
import type { Context } from '../context.ts';
import { localPlaces } from '../models/local.ts';
import { nodeStatus } from './choose-model.ts';
import type { Conversation } from './conversation.ts';
import { readConversation, saveConversation } from './conversation-files.ts';

const DEFAULT_TAG = ':latest';

/** Returns the saved conversation of a name. It precedes a model of this name, which can be given with its tag. */
export function findConversation({ home }: Context, name: string): Promise<Conversation | undefined> {
  return readConversation(home, name);
}

/** Saves a conversation. Throws `INVALID_REQUEST` for the name of a local model or one that the node lends. */
export async function saveNamedConversation(context: Context, name: string, conversation: Conversation): Promise<void> {
  const [{ models }, node] = await Promise.all([listModels(await localPlaces(context)), nodeStatus(context)]);
  const forms = [name.toLowerCase(), `${name.toLowerCase()}${DEFAULT_TAG}`];
  const names = [...models.map((model) => model.name), ...(node?.models ?? []).map(({ id }) => id)];
  if (names.some((each) => forms.includes(each.toLowerCase()))) {
    throw ShoalError.invalidRequest(`"${name}" is a model’s name. Save this conversation under another one.`);
  }
  await saveConversation(context.home, name, conversation);
}
