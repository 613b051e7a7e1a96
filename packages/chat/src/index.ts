export type * from './chat-template.ts';
export { createChatTemplate } from './chat-template.ts';
export { patientTemplate } from './patient-template.ts';
