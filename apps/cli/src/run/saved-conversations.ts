import { listModels } from '@shoal/host/models';
import { ShoalError } from '@shoal/protocol';
import type { Context } from '../context.ts';
import { localPlaces } from '../models/local.ts';
import { nodeStatus } from './choose-model.ts';
import type { Conversation } from './conversation.ts';
import { readConversation, saveConversation } from './conversation-files.ts';

const DEFAULT_TAG = ':latest';

/** The saved conversation of a name, which comes before a model's: that can be meant by its name with a tag. */
export function findConversation({ home }: Context, name: string): Promise<Conversation | undefined> {
  return readConversation(home, name);
}

/** Saves a conversation. Throws `INVALID_REQUEST` for the name of a model, of this machine or one that the node lends. */
export async function keepConversation(context: Context, name: string, conversation: Conversation): Promise<void> {
  const [{ models }, node] = await Promise.all([listModels(await localPlaces(context)), nodeStatus(context)]);
  const taken = [name.toLowerCase(), `${name.toLowerCase()}${DEFAULT_TAG}`];
  const names = [...models.map((model) => model.name), ...(node?.models ?? []).map(({ id }) => id)];
  if (names.some((each) => taken.includes(each.toLowerCase()))) {
    throw ShoalError.invalidRequest(`"${name}" is a model’s name. Save this conversation under another one.`);
  }
  await saveConversation(context.home, name, conversation);
}
