import { type SessionAction, printLines } from './session-action.ts';
import type { Conversation } from './conversation.ts';
import { help, subcommands } from './help.ts';
import { didYouMean } from '../help/did-you-mean.ts';
import { setParameter } from './parameters.ts';

/** Settings of the terminal, which are not saved with a conversation. */
export interface DisplaySettings {
  readonly wordWrap: boolean;
  readonly verbose: boolean;
  readonly history: boolean;
}

/** The changes of a `/set`, and its actions. */
export interface SetResult {
  readonly conversation?: Conversation | undefined;
  readonly display?: Partial<DisplaySettings> | undefined;
  readonly actions: readonly SessionAction[];
}

/** Runs `/set`, except `/set system`. Throws `INVALID_REQUEST` with the valid names or values. */
export function set(conversation: Conversation, [what = '', ...rest]: readonly string[]): SetResult {
  switch (what) {
    case 'parameter':
      return setOneParameter(conversation, rest);
    case 'format':
      if (rest.join(' ') !== 'json') return { actions: [printLines('Usage: /set format json')] };
      return {
        conversation: { ...conversation, format: { type: 'json' } },
        actions: [printLines("Set format to 'json'.")],
      };
    case 'noformat': {
      const { format: _, ...others } = conversation;
      return { conversation: others, actions: [printLines('Disabled format.')] };
    }
    case 'history':
    case 'nohistory':
      return setDisplay({ history: what === 'history' }, what);
    case 'wordwrap':
    case 'nowordwrap':
      return setDisplay({ wordWrap: what === 'wordwrap' }, what);
    case 'verbose':
    case 'quiet':
      return setDisplay({ verbose: what === 'verbose' }, what);
    case '':
      return { actions: [printLines(...help('set'))] };
    default:
      return {
        actions: [
          printLines(`Unknown command '/set ${what}'.${didYouMean(what, subcommands('/set'))} Type /? set for help`),
        ],
      };
  }
}

function setDisplay(display: Partial<DisplaySettings>, mode: string): SetResult {
  return { display, actions: [printLines(`Set '${mode}' mode.`)] };
}

function setOneParameter(conversation: Conversation, [name = '', ...values]: readonly string[]): SetResult {
  if (name === '') return { actions: [printLines(...help('parameters'))] };
  const parameters = setParameter(conversation.parameters, name, values);
  // A new context length needs a reload. It is set after that succeeds.
  if (name === 'num_ctx') return { actions: [{ type: 'reload', contextLength: Number(values[0]) }] };
  return {
    conversation: { ...conversation, parameters },
    actions: [printLines(`Set parameter '${name}' to '${values.join(', ')}'`)],
  };
}
