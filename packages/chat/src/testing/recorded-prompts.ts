import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';

/** Prompts recorded from llama-server. */
export interface Recording {
  /** The date of the recording (ISO 8601), for templates that write the date. */
  readonly date: string;
  readonly bos: string;
  readonly eos: string;
  /** Prompts by template and conversation. Null if the template refuses. */
  readonly prompts: Readonly<Record<string, Readonly<Record<string, string | null>>>>;
}

export const RECORDING = join(import.meta.dirname, 'recorded-prompts.json');
const TEMPLATES = join(import.meta.dirname, 'templates');

export async function templateNames(): Promise<readonly string[]> {
  const files = await readdir(TEMPLATES);
  return files.filter((file) => extname(file) === '.jinja').map((file) => basename(file, '.jinja'));
}

export function templatePath(name: string): string {
  return join(TEMPLATES, `${name}.jinja`);
}

export function readTemplate(name: string): Promise<string> {
  return readFile(templatePath(name), 'utf8');
}

export async function readRecording(): Promise<Recording> {
  // The file is trusted: `record-prompts.ts` writes it.
  const recording: Recording = JSON.parse(await readFile(RECORDING, 'utf8'));
  return recording;
}

/** True if a template reads the clock itself, so that its prompts change every day. */
export function readsClock(name: string): boolean {
  return name === 'Mistral-Small-3.2-24B-Instruct-2506';
}
