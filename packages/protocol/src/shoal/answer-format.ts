import { ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import type { AnswerFormat } from '../request.ts';
import { objectIn } from './json-member.ts';

const WHERE = 'inference_request.response_format';

export function readAnswerFormat(message: JsonObject): AnswerFormat | undefined {
  const format = objectIn(message, 'response_format', 'inference_request');
  if (format === undefined) return undefined;
  const fields = new Fields(format, WHERE);
  const type = fields.required('type', fields.string('type'));
  switch (type) {
    case 'json_object':
      return { type: 'json' };
    case 'json_schema':
      return { type, schema: fields.required('schema', objectIn(format, 'schema', WHERE)) };
    default:
      throw ShoalError.badMessage(`${WHERE}: "type" must be json_object or json_schema.`);
  }
}

export function answerFormatField(format: AnswerFormat): object {
  return format.type === 'json' ? { type: 'json_object' } : { type: format.type, schema: format.schema };
}
