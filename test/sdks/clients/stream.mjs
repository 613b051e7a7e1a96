/** Streams one answer with the npm package `openai`, and prints its text as it comes. */
import { load, options } from './run.mjs';

const { default: OpenAI } = load('openai');
const client = new OpenAI({ baseURL: `${options.baseUrl}/v1`, apiKey: 'sk-local' });
const stream = await client.chat.completions.create({
  model: options.model,
  messages: [{ role: 'user', content: options.prompt }],
  temperature: 0,
  stream: true,
});
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '');
