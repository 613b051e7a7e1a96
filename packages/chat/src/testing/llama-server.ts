import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import type { Conversation } from './conversations.ts';

export const DEMO_MODEL = join(import.meta.dirname, '../../../../models/demo/shoal-demo.gguf');
/** Flags that make the tokenizer add the BOS token, whatever the model's metadata. */
export const ADDS_BOS = ['--override-kv', 'tokenizer.ggml.add_bos_token=bool:true'];

/** Returns the path of llama-server, if any: from $SHOAL_LLAMA_SERVER, $PATH, or the cache folder of the test tools. */
export async function findLlamaServer(): Promise<string | undefined> {
  const { SHOAL_LLAMA_SERVER: named, PATH = '' } = process.env;
  const places = [
    ...(named === undefined ? [] : [named]),
    ...PATH.split(delimiter).map((directory) => join(directory, 'llama-server')),
    join(homedir(), '.cache', 'shoal-tools', 'llama.cpp-v0.5.0', 'llama-server'),
  ];
  for (const place of places) {
    const isThere = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return place;
  }
  return undefined;
}

export interface RealTemplate extends AsyncDisposable {
  /** Returns the prompt, or llama-server's error if the template refuses. */
  apply(conversation: Conversation): Promise<{ readonly prompt: string } | { readonly error: string }>;
  /** Generates a random answer that the grammar allows. */
  complete(grammar: string, seed: number): Promise<string>;
  readonly tokens: { readonly bos: string; readonly eos: string };
}

/** Starts a llama-server with a chat template and more command-line flags. */
export async function serveTemplate(
  binary: string,
  modelPath: string,
  templatePath: string,
  flags: readonly string[] = [],
): Promise<RealTemplate> {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const args = ['-m', modelPath, '--jinja', '--chat-template-file', templatePath, '--host', '127.0.0.1'];
  const server = spawn(
    binary,
    [...args, '--port', String(port), '-c', '512', '-np', '1', '-t', '1', '-ngl', '0', ...flags],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const exited = once(server, 'exit');
  await listening(server.stderr, exited);
  const { bos_token: bos, eos_token: eos } = await fetchJson(`${address}/props`);
  return {
    tokens: { bos: String(bos), eos: String(eos) },
    async apply({ messages, tools }) {
      const body = JSON.stringify({
        messages: messages.map(toOpenAi),
        ...(tools && { tools: tools.map(toolToOpenAi) }),
      });
      const answer = await fetchJson(`${address}/apply-template`, { method: 'POST', body });
      return typeof answer.prompt === 'string' ? { prompt: answer.prompt } : { error: JSON.stringify(answer.error) };
    },
    async complete(grammar, seed) {
      const body = JSON.stringify({ prompt: 'Hello', grammar, seed, temperature: 5, n_predict: 300 });
      const { content, error } = await fetchJson(`${address}/completion`, { method: 'POST', body });
      if (typeof content !== 'string') throw new Error(JSON.stringify(error));
      return content;
    },
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL');
      await exited;
    },
  };
}

async function fetchJson(address: string, init?: RequestInit): Promise<JsonObject> {
  const answer: unknown = await (await fetch(address, init)).json();
  if (!isObject(answer)) throw new Error('llama-server did not return a JSON object.');
  return answer;
}

async function listening(stderr: NodeJS.ReadableStream, exited: Promise<unknown>): Promise<void> {
  let output = '';
  const started = new Promise<void>((resolve) => {
    stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('listening on')) resolve();
    });
  });
  const failed = exited.then(() => {
    throw new Error(`llama-server did not start:\n${output}`);
  });
  await Promise.race([started, failed]);
  // The server ends after the tests, which is no failure any more.
  failed.catch(() => undefined);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port.');
  return address.port;
}

function toOpenAi(message: Conversation['messages'][number]): object {
  if (message.role === 'tool') return { role: 'tool', content: message.content, tool_call_id: message.toolCallId };
  if (message.role !== 'assistant' || message.toolCalls === undefined) {
    return { role: message.role, content: message.content };
  }
  const calls = message.toolCalls.map(({ id, name, arguments: text }) => ({
    id,
    type: 'function',
    function: { name, arguments: text },
  }));
  return { role: 'assistant', content: message.content, tool_calls: calls };
}

function toolToOpenAi(tool: NonNullable<Conversation['tools']>[number]): object {
  return { type: 'function', function: tool };
}
