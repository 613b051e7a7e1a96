import { type Action, say } from './session-action.ts';
import type { Conversation } from './conversation.ts';
import { help, words } from './help.ts';
import { didYouMean } from './did-you-mean.ts';
import { setParameter } from './parameters.ts';

/** How a conversation is shown and remembered. */
export interface Manners {
  readonly wordWrap: boolean;
  readonly verbose: boolean;
  readonly history: boolean;
}

/** What a `/set` changes, and what is to be done besides. */
export interface Change {
  readonly conversation?: Conversation | undefined;
  readonly manners?: Partial<Manners> | undefined;
  readonly actions: readonly Action[];
}

/** Everything behind `/set` but the system message. Throws `INVALID_REQUEST` that names what can be set. */
export function set(conversation: Conversation, [what = '', ...rest]: readonly string[]): Change {
  switch (what) {
    case 'parameter':
      return setOneParameter(conversation, rest);
    case 'format':
      if (rest.join(' ') !== 'json') return { actions: [say('Usage: /set format json')] };
      return { conversation: { ...conversation, format: { type: 'json' } }, actions: [say("Set format to 'json'.")] };
    case 'noformat': {
      const { format: _, ...others } = conversation;
      return { conversation: others, actions: [say('Disabled format.')] };
    }
    case 'history':
    case 'nohistory':
      return behave({ history: what === 'history' }, what);
    case 'wordwrap':
    case 'nowordwrap':
      return behave({ wordWrap: what === 'wordwrap' }, what);
    case 'verbose':
    case 'quiet':
      return behave({ verbose: what === 'verbose' }, what);
    case '':
      return { actions: [say(...help('set'))] };
    default:
      return {
        actions: [say(`Unknown command '/set ${what}'.${didYouMean(what, words('/set'))} Type /? set for help`)],
      };
  }
}

function behave(manners: Partial<Manners>, mode: string): Change {
  return { manners, actions: [say(`Set '${mode}' mode.`)] };
}

function setOneParameter(conversation: Conversation, [name = '', ...values]: readonly string[]): Change {
  if (name === '') return { actions: [say(...help('parameters'))] };
  const parameters = setParameter(conversation.parameters, name, values);
  // The context is what the model is loaded with: it is set once that has worked.
  if (name === 'num_ctx') return { actions: [{ type: 'reload', contextLength: Number(values[0]) }] };
  return {
    conversation: { ...conversation, parameters },
    actions: [say(`Set parameter '${name}' to '${values.join(', ')}'`)],
  };
}
