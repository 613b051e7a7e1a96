/** Letters that are safe in a file name, without a colon: a model can always be given with its tag. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const NAME_RULE =
  'A conversation’s name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit.';

export function isConversationName(text: string): boolean {
  return NAME.test(text) && !/\.gguf$/i.test(text);
}
