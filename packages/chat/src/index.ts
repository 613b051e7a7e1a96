export type { AnswerParser } from './answer-parser.ts';
export type { AnswerReasoning } from './answer-reasoning.ts';
export { createChatTemplate, type Chat, type ChatTemplate } from './templates/chat-template.ts';
export type { TemplateRenderer } from './templates/template-renderer.ts';
export { templateWithTimeLimit } from './templates/time-limit.ts';
