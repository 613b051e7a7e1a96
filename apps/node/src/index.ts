export * from './api.ts';
export { serve, type DaemonOptions } from './daemon.ts';
