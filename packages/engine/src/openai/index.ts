export { createOpenAi, type OpenAiOptions } from './openai.ts';
