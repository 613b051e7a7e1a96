/**
 * Records llama-server's prompts for all conversations and templates of this folder, for tests without llama-server:
 * `SHOAL_LLAMA_SERVER=… node packages/chat/src/testing/record-prompts.ts`
 */
import { writeFile } from 'node:fs/promises';
import { CONVERSATIONS } from './conversations.ts';
import { ADDS_BOS, DEMO_MODEL, findLlamaServer, serveTemplate } from './llama-server.ts';
import { RECORDING, readsClock, type Recording, templateNames, templatePath } from './recorded-prompts.ts';

const binary = await findLlamaServer();
if (binary === undefined) throw new Error('No llama-server: set SHOAL_LLAMA_SERVER to its path.');
const names = (await templateNames()).filter((name) => !readsClock(name));
const date = new Date();
date.setUTCHours(12, 0, 0, 0); // the same date in every time zone
let tokens = { bos: '', eos: '' };
const prompts: Record<string, Record<string, string | null>> = {};
for (const name of names) {
  await using server = await serveTemplate(binary, DEMO_MODEL, templatePath(name), ADDS_BOS);
  tokens = server.tokens;
  const entries: [string, string | null][] = [];
  for (const [title, conversation] of Object.entries(CONVERSATIONS)) {
    const answer = await server.apply(conversation);
    entries.push([title, 'prompt' in answer ? answer.prompt : null]);
  }
  prompts[name] = Object.fromEntries(entries);
}
const recording: Recording = { date: date.toISOString(), ...tokens, prompts };
await writeFile(RECORDING, `${JSON.stringify(recording, undefined, 2)}\n`);
