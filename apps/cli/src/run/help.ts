import { columns } from '../terminal/output.ts';
import { parameterHelp } from './parameters.ts';

/** The commands of a conversation. */
export const COMMANDS = ['/set', '/show', '/load', '/save', '/clear', '/bye', '/exit', '/quit', '/?', '/help'];

/** The subcommands of `/set`. */
const SETTINGS: readonly (readonly [usage: string, about: string])[] = [
  ['/set parameter NAME VALUE…', 'set a model parameter: /? parameters'],
  ['/set system TEXT', 'set the system message; """ begins several lines, """""" removes it'],
  ['/set format json', 'answer in JSON'],
  ['/set noformat', 'answer in free text'],
  ['/set history', 'save typed lines in the history'],
  ['/set nohistory', 'do not save typed lines'],
  ['/set wordwrap', 'break long lines between words'],
  ['/set nowordwrap', 'do not break long lines'],
  ['/set verbose', 'show time and tokens of each answer'],
  ['/set quiet', 'do not show them'],
];

const SHOWN: readonly (readonly [usage: string, about: string])[] = [
  ['/show info', 'the model'],
  ['/show license', 'its licence'],
  ['/show modelfile', 'model, system message and parameters as a Modelfile'],
  ['/show parameters', 'the parameters that are set'],
  ['/show system', 'the system message'],
  ['/show template', 'the model’s chat template'],
];

const ALL: readonly (readonly [usage: string, about: string])[] = [
  ['/set …', 'change a setting: /? set'],
  ['/show …', 'show information: /? show'],
  ['/load MODEL', 'load another model or a saved conversation'],
  ['/save NAME', 'save this conversation; continue it with "shoal run NAME"'],
  ['/clear', 'delete the messages, and keep the settings'],
  ['/bye', 'leave'],
  ['/?, /help', 'show this help; /? shortcuts for keys'],
];

const SHORTCUTS: readonly (readonly [keys: string, about: string])[] = [
  ['Ctrl + a, Ctrl + e', 'move to the beginning or the end of the line'],
  ['Alt + b, Alt + f', 'move back or forward by one word'],
  ['Ctrl + k, Ctrl + u', 'delete the text after or before the cursor'],
  ['Ctrl + w', 'delete the word before the cursor'],
  ['Ctrl + l', 'clear the screen'],
  ['Ctrl + c', 'stop the answer'],
  ['Ctrl + d', 'leave (/bye)'],
];

/** Returns the lines of `/? TOPIC`. */
export function help(topic?: string): readonly string[] {
  switch (topic) {
    case 'set':
    case '/set':
      return table('Settings:', SETTINGS);
    case 'show':
    case '/show':
      return table('Information:', SHOWN);
    case 'parameter':
    case 'parameters':
      return table('Parameters:', parameterHelp());
    case 'shortcut':
    case 'shortcuts':
      return table('Keys:', SHORTCUTS);
    case undefined:
    default:
      return [...table('Commands:', ALL), '', 'Use """ to begin a message of several lines.'];
  }
}

/** Returns the subcommands of `/set` or `/show`. */
export function subcommands(command: '/set' | '/show'): readonly string[] {
  return (command === '/set' ? SETTINGS : SHOWN).map(([usage]) => usage.split(' ')[1] ?? '');
}

function table(heading: string, rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  return [heading, ...columns(rows).map((line) => `  ${line}`)];
}
