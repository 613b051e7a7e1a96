import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';

/** What llama-server wrote. */
export interface Recording {
  /** The day that it was on, for templates that write the date. */
  readonly date: string;
  readonly bos: string;
  readonly eos: string;
  /** By template and conversation; null where the template refuses. */
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
  // It is a file of ours, written by `record-prompts.ts`.
  const recording: Recording = JSON.parse(await readFile(RECORDING, 'utf8'));
  return recording;
}

/** It asks the clock by itself: what it writes is another thing on another day. */
export function readsClock(name: string): boolean {
  return name === 'Mistral-Small-3.2-24B-Instruct-2506';
}
