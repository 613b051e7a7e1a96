import { columns } from '../terminal/output.ts';
import { parameterHelp } from './parameters.ts';

/** What begins with a slash, by its first word. */
export const COMMANDS = ['/set', '/show', '/load', '/save', '/clear', '/bye', '/exit', '/?', '/help'];

/** What can be set, and how that is written. */
const SETTINGS: readonly (readonly [usage: string, about: string])[] = [
  ['/set parameter NAME VALUE…', 'how answers are chosen: /? parameters'],
  ['/set system TEXT', 'what the model is told before everything else; """ for several lines, """""" for nothing'],
  ['/set format json', 'answers are JSON'],
  ['/set noformat', 'answers are free text'],
  ['/set history', 'remember what is typed'],
  ['/set nohistory', 'do not remember what is typed'],
  ['/set wordwrap', 'break long lines between words'],
  ['/set nowordwrap', 'leave long lines to the terminal'],
  ['/set verbose', 'say what each answer took'],
  ['/set quiet', 'do not'],
];

const SHOWN: readonly (readonly [usage: string, about: string])[] = [
  ['/show info', 'what the model is'],
  ['/show license', 'its licence'],
  ['/show modelfile', 'model, system and parameters in one'],
  ['/show parameters', 'the parameters that are set'],
  ['/show system', 'the system message'],
  ['/show template', 'the model’s chat template'],
];

const ALL: readonly (readonly [usage: string, about: string])[] = [
  ['/set …', 'change how it answers: /? set'],
  ['/show …', 'what there is to know: /? show'],
  ['/load MODEL', 'another model, or a saved conversation'],
  ['/save NAME', 'keep this conversation: "shoal run NAME" goes on with it'],
  ['/clear', 'forget the conversation, not the settings'],
  ['/bye', 'leave'],
  ['/?, /help', 'this; /? shortcuts for keys'],
];

const SHORTCUTS: readonly (readonly [keys: string, about: string])[] = [
  ['Ctrl + a, Ctrl + e', 'to the beginning, to the end of the line'],
  ['Alt + b, Alt + f', 'back, forward by one word'],
  ['Ctrl + k, Ctrl + u', 'delete what is behind, before the cursor'],
  ['Ctrl + w', 'delete the word before the cursor'],
  ['Ctrl + l', 'an empty screen'],
  ['Ctrl + c', 'stop the answer'],
  ['Ctrl + d', 'leave (/bye)'],
];

/** The lines of `/? TOPIC`. */
export function help(topic?: string): readonly string[] {
  switch (topic) {
    case 'set':
    case '/set':
      return table('Settings:', SETTINGS);
    case 'show':
    case '/show':
      return table('To be shown:', SHOWN);
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

/** The second words of `/set` or `/show`. */
export function words(command: '/set' | '/show'): readonly string[] {
  return (command === '/set' ? SETTINGS : SHOWN).map(([usage]) => usage.split(' ')[1] ?? '');
}

function table(heading: string, rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  return [heading, ...columns(rows).map((line) => `  ${line}`)];
}
