import type { JsonObject } from '@shoal/protocol/json';
import type { BodyFields } from '../body-fields.ts';
import { bodyFields, readStreams } from './calls/fields.ts';

/** The digits of a digest that a pull shows. */
const SHOWN_DIGITS = 12;

/** One step of a download. `pulling` has a digest and, once they are known, byte counts. */
export interface PullProgress {
  readonly status: 'pulling manifest' | 'pulling' | 'verifying sha256 digest' | 'writing manifest' | 'success';
  /** `sha256:` and 64 hex digits. */
  readonly digest?: string | undefined;
  readonly total?: number | undefined;
  readonly completed?: number | undefined;
}

/** Reads the model of `/api/show`, `/api/pull` and `/api/delete`: `model`, or its older name `name`. */
export function readModelName(body: JsonObject): string {
  return modelIn(bodyFields(body));
}

/** Reads `verbose` of `/api/show`. */
export function readVerbose(body: JsonObject): boolean {
  return bodyFields(body).boolean('verbose') ?? false;
}

/** Reads the body of `/api/copy`. */
export function readCopy(body: JsonObject): { readonly source: string; readonly destination: string } {
  const fields = bodyFields(body);
  return { source: requiredText(fields, 'source'), destination: requiredText(fields, 'destination') };
}

/** Reads the body of `/api/pull`. */
export function readPull(body: JsonObject): { readonly model: string; readonly streams: boolean } {
  const fields = bodyFields(body);
  return { model: modelIn(fields), streams: readStreams(fields) };
}

/** One line of the answer of `/api/pull`; the last one, `success`, is the whole answer of a pull that does not stream. */
export function writePullProgress({ status, digest, total, completed }: PullProgress): object {
  const shown = digest?.replace(/^sha256:/, '').slice(0, SHOWN_DIGITS);
  return {
    status: status === 'pulling' && shown !== undefined ? `${status} ${shown}` : status,
    digest,
    total,
    completed,
  };
}

/** The body of `/api/version`. */
export function writeVersion(version: string): object {
  return { version };
}

function modelIn(fields: BodyFields): string {
  const older = fields.string('name');
  return fields.required('model', fields.string('model') || older || undefined);
}

function requiredText(fields: BodyFields, field: string): string {
  return fields.required(field, fields.string(field) || undefined);
}
