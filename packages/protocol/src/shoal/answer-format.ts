import type { Fields } from '../fields.ts';
import type { AnswerFormat } from '../request.ts';

export function readAnswerFormat(message: Fields): AnswerFormat | undefined {
  const fields = message.object('response_format');
  if (fields === undefined) return undefined;
  const type = fields.required('type', fields.string('type'));
  switch (type) {
    case 'json_object':
      return { type: 'json' };
    case 'json_schema':
      return { type, schema: fields.required('schema', fields.json('schema')) };
    default:
      throw fields.mustBe('type', 'json_object or json_schema');
  }
}

export function answerFormatField(format: AnswerFormat): object {
  return format.type === 'json' ? { type: 'json_object' } : { type: format.type, schema: format.schema };
}
