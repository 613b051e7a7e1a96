// Lets a model call a function of this program, and prints the answer that uses the result:
//   npx node examples/tools.ts "What is the weather in Oslo?"
// SHOAL_BOOTSTRAP (host:port) and SHOAL_CLUSTER select the network. Default: the public DHT and gatewayai-poc.
import { connect } from '@shoal/client';
import type { Message, Tool, ToolCall } from '@shoal/protocol/request';

const { SHOAL_BOOTSTRAP: bootstrap, SHOAL_CLUSTER: cluster = 'gatewayai-poc' } = process.env;
const WEATHER: Tool = {
  name: 'weather',
  description: 'The weather at a place, now.',
  parameters: { type: 'object', properties: { place: { enum: ['Oslo', 'Rome'] } }, required: ['place'] },
};

const shoal = await connect({ clusters: [cluster], ...(bootstrap === undefined ? {} : { bootstrap: [bootstrap] }) });
try {
  const messages: Message[] = [{ role: 'user', content: process.argv[2] ?? 'What is the weather in Oslo?' }];
  const calls = await askForCalls(messages);
  messages.push({ role: 'assistant', content: '', toolCalls: calls });
  for (const call of calls) {
    const content = weather(JSON.parse(call.arguments));
    console.error(`${call.name}(${call.arguments}) is ${content}`);
    messages.push({ role: 'tool', content, toolCallId: call.id });
  }
  console.log(await shoal.text({ messages, maxTokens: 200 }));
} finally {
  await shoal.close();
}

/** Forces a tool call; with `toolChoice: 'auto'` the model may answer instead. */
async function askForCalls(messages: readonly Message[]): Promise<ToolCall[]> {
  const calls: ToolCall[] = [];
  const request = { messages, tools: [WEATHER], toolChoice: 'required', parallelToolCalls: false } as const;
  for await (const event of shoal.generate({ ...request, maxTokens: 200 })) {
    if (event.type === 'error') throw event.error;
    if (event.type !== 'tool_call') continue;
    const { id = '', name = '', arguments: text } = calls[event.index] ?? event;
    const more = calls[event.index] === undefined ? '' : event.arguments;
    calls[event.index] = { id, name, arguments: text + more };
  }
  return calls;
}

function weather({ place }: { readonly place: string }): string {
  return place === 'Rome' ? 'sunny, 24 °C' : 'snow, -3 °C';
}
