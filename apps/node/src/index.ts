export * from './api.ts';
export { serve, type DaemonOptions, type NodeTerminal } from './daemon.ts';
export type { RequestListener } from './requests/request-record.ts';
export { requestText } from './requests/request-text.ts';
