import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Program } from '../harness/program.ts';
import { SCRIPTED_MODEL } from './scripted-engine.ts';
import { type NodeForSdks, useUp } from './node-for-sdks.ts';

const ROOT = join(import.meta.dirname, '../..');
const CLIENTS = join(import.meta.dirname, 'clients');

/** The result of one case of one SDK. */
export interface Result {
  readonly sdk: string;
  readonly version: string;
  readonly case: string;
  /** Null: the SDK cannot do it. */
  readonly ok: boolean | null;
  /** The reason if it is not true. */
  readonly detail: string;
}

/** A program of `clients/` and the language of its SDK. */
export interface Client {
  readonly file: string;
  readonly language: 'node' | 'python';
  /** The name of its package in the SDK folder, if the program takes several. */
  readonly package?: string | undefined;
}

export const CLIENTS_OF_SDKS: readonly Client[] = [
  { file: 'openai.mjs', language: 'node' },
  { file: 'openai.mjs', language: 'node', package: 'openai-previous' },
  { file: 'ai-sdk.mjs', language: 'node' },
  { file: 'langchain.mjs', language: 'node' },
  { file: 'ollama.mjs', language: 'node' },
  { file: 'anthropic.mjs', language: 'node' },
  { file: 'openai_sdk.py', language: 'python' },
  { file: 'ollama_sdk.py', language: 'python' },
  { file: 'anthropic_sdk.py', language: 'python' },
];

/**
 * Returns the folder that an install script of `.ci` made, or undefined. Each script names its folder by a hash of itself, so
 * that a change of its versions is a new folder.
 */
export function installed(kind: 'sdks' | 'agents', part: string): string | undefined {
  const hash = createHash('sha256')
    .update(readFileSync(join(ROOT, `.ci/install-${kind}`)))
    .digest('hex')
    .slice(0, 12);
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, `shoal-tools/${kind}-${hash}`, part);
  return existsSync(join(folder, 'complete')) ? folder : undefined;
}

/** Runs a client program against a node, and returns the result of each case. */
export async function runClient({ file, language, package: packageName }: Client, folder: string, node: NodeForSdks) {
  const { baseUrl, keys } = node;
  await useUp(node);
  const options = JSON.stringify({ baseUrl, model: SCRIPTED_MODEL.id, keys, package: packageName });
  const program = new Program({
    name: packageName ?? file,
    ...(language === 'node'
      ? { command: [join(CLIENTS, file), folder, options] }
      : { command: ['-B', join(CLIENTS, file), options], interpreter: join(folder, 'bin/python') }),
    environment: { NO_PROXY: '127.0.0.1', OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '' },
  });
  try {
    program.endInput();
    const code = await program.ended();
    if (code !== 0) throw new Error(`${program.name} ended with ${code}: ${program.stderr}`);
    return program.stdout
      .trim()
      .split('\n')
      .map((line): Result => JSON.parse(line));
  } finally {
    if (program.exitCode === undefined) await program.kill();
  }
}

/** Returns a Markdown table: a line for each case, a column for each SDK. */
export function tableOf(results: readonly Result[]): string {
  const columns = [...new Set(results.map(({ sdk, version }) => `${sdk} ${version}`))];
  const cases = [...new Set(results.map((result) => result.case))];
  const markOf = (name: string, column: string): string => {
    const found = results.find(({ case: one, sdk, version }) => one === name && `${sdk} ${version}` === column);
    return found?.ok === true ? 'yes' : found?.ok === false ? 'no' : '–';
  };
  const rows = [
    ['case', ...columns.map((column) => `\`${column}\``)],
    ...cases.map((name) => [name, ...columns.map((column) => markOf(name, column))]),
  ];
  const widths = rows[0]?.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0))) ?? [];
  const lines = rows.map((row) => `| ${row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`);
  return [lines[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lines.slice(1)].join('\n');
}
