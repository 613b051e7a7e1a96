/**
 * The longest name of a peer, a model or a version in a description that a peer sends of itself, in UTF-16 units. A longer one
 * is cut.
 */
export const MAX_PEER_NAME_LENGTH = 256;

/** The longest message of a peer's error, in UTF-16 units. A longer one is cut. */
export const MAX_PEER_ERROR_LENGTH = 1_024;

/** Returns at most `mostLength` UTF-16 units of a text, without half of a surrogate pair at the end. */
export function cutText(text: string, mostLength: number): string {
  if (text.length <= mostLength) return text;
  const last = text.charCodeAt(mostLength - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? mostLength - 1 : mostLength);
}

/** Returns a name that a peer gave, cut to `MAX_PEER_NAME_LENGTH`. */
export function cutName(name: string): string {
  return cutText(name, MAX_PEER_NAME_LENGTH);
}

/** Returns the message of a peer's error, cut to `MAX_PEER_ERROR_LENGTH`. */
export function cutErrorMessage(message: string): string {
  return cutText(message, MAX_PEER_ERROR_LENGTH);
}
