const DATE = '[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])';
const TIME = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{3})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])';
const HEX = '[0-9a-fA-F]';

const LABEL = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const WORD = '[A-Za-z0-9_+-]+';
const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const URI_TEXT = "([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*";

/**
 * The supported values of `format`, as patterns. Times and identifiers are those of llama.cpp's json-schema-to-grammar.cpp
 * (RFC 3339, RFC 9562). Of names and addresses (RFC 5321, RFC 1123, RFC 3986) only the common forms are generated.
 */
export const FORMATS: Readonly<Record<string, string>> = {
  date: `^${DATE}$`,
  time: `^${TIME}$`,
  'date-time': `^${DATE}T${TIME}$`,
  uuid: `^${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}$`,
  email: `^${WORD}(\\.${WORD})*@${LABEL}(\\.${LABEL}){1,2}$`,
  hostname: `^${LABEL}(\\.${LABEL}){0,2}$`,
  ipv4: `^${OCTET}(\\.${OCTET}){3}$`,
  uri: `^[a-z][a-z0-9+.-]*://${LABEL}(\\.${LABEL})*(:[0-9]{1,5})?(/${URI_TEXT})?(\\?${URI_TEXT})?(#${URI_TEXT})?$`,
};
