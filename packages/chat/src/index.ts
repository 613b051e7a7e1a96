export type { AnswerParser } from './answer-parser.ts';
export type { AnswerReasoning } from './answer-reasoning.ts';
export { createChatTemplate, type Chat, type ChatTemplate, type RenderedChat } from './templates/chat-template.ts';
export { templateWithTimeLimit } from './templates/time-limit.ts';
export type { TemplateTokens } from './templates/jinja-template.ts';
export { callParser, type ExpectedCalls } from './tools/call-parser.ts';
export type { TemplateRenderer } from './templates/template-renderer.ts';
