import type { Message, Tool } from '@shoal/protocol/request';

/** A conversation that the tests render with every template. */
export interface Conversation {
  readonly messages: readonly Message[];
  readonly tools?: readonly Tool[] | undefined;
}

const tools: readonly Tool[] = [
  {
    name: 'get_weather',
    description: 'Tells the weather of a "city".',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', description: 'Its name: Zürich, 東京' }, days: { type: 'integer' } },
      required: ['city'],
    },
  },
  { name: 'get_time', parameters: { type: 'object', properties: {} } },
];

const user = (content: string): Message => ({ role: 'user', content });
const system: Message = { role: 'system', content: 'You are terse.' };
const call = (id: string, name: string, text: string) => ({ id, name, arguments: text });
const zurich = call('call00001', 'get_weather', '{"city": "Zürich", "days": 2}');
const asked = user('What is the weather in Zürich?');

export const CONVERSATIONS: Readonly<Record<string, Conversation>> = {
  'one user turn': { messages: [user('Hello!')] },
  'a system message': { messages: [system, user('Hello!')] },
  'several turns': {
    messages: [system, user('Hello!'), { role: 'assistant', content: 'Hi.' }, user('What is 2+2?')],
  },
  'space around everything': {
    messages: [
      { role: 'system', content: ' Be terse. \n' },
      user('  Hello! \n\n'),
      { role: 'assistant', content: ' Hi. ' },
      user('\tAnd? '),
    ],
  },
  'letters of all kinds': { messages: [user('naïve 東京 👩‍👩‍👧 <b>&amp;</b> {{ messages }} {% raw %} "\\n" \u2028')] },
  'an answer that was thought over': {
    messages: [user('Hello!'), { role: 'assistant', content: '<think>\nHm.\n</think>\n\nHi.' }, user('And?')],
  },
  'an answer to go on with': { messages: [user('Count to 5.'), { role: 'assistant', content: '1, 2, ' }] },
  tools: { messages: [asked], tools },
  'tools and a system message': { messages: [system, asked], tools },
  'a call and its answer': {
    messages: [
      asked,
      { role: 'assistant', content: '', toolCalls: [zurich] },
      { role: 'tool', content: '{"temperature": 21.5}', toolCallId: 'call00001' },
    ],
    tools,
  },
  'a call that was said something with': {
    messages: [
      asked,
      { role: 'assistant', content: 'I look it up.', toolCalls: [zurich] },
      { role: 'tool', content: 'rain', toolCallId: 'call00001' },
      { role: 'assistant', content: 'It rains.' },
      user('Thanks.'),
    ],
    tools,
  },
  'two calls at once': {
    messages: [
      asked,
      {
        role: 'assistant',
        content: '',
        toolCalls: [zurich, call('call00002', 'get_time', '{}')],
      },
      { role: 'tool', content: 'rain', toolCallId: 'call00001' },
      { role: 'tool', content: '12:00', toolCallId: 'call00002' },
    ],
    tools,
  },
};
