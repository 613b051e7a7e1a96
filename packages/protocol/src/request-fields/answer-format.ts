import type { Fields } from '../fields.ts';
import type { AnswerFormat } from '../request.ts';

/** `anyJson` is the type that stands for any JSON object. */
export function readAnswerFormat(message: Fields, anyJson: string): AnswerFormat | undefined {
  const fields = message.object('format');
  if (fields === undefined) return undefined;
  const type = fields.required('type', fields.string('type'));
  if (type === anyJson) return { type: 'json' };
  if (type === 'json_schema') return { type, schema: fields.required('schema', fields.json('schema')) };
  throw fields.mustBe('type', `${anyJson} or json_schema`);
}
