/** Letters that are safe in a file's name, and no tag: a model can always be meant by its name with one. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const NAME_ADVICE =
  'A conversation’s name has 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.';

export function isConversationName(text: string): boolean {
  return NAME.test(text) && !/\.gguf$/i.test(text);
}
