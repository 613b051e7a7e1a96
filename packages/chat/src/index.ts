export type * from './templates/chat-template.ts';
export { createChatTemplate } from './templates/chat-template.ts';
export { patientTemplate } from './templates/patient-template.ts';
