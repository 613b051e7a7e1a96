export * from './client.ts';
export * from './errors.ts';
export * from './messages.ts';
export * from './server.ts';
export * from './server-id.ts';
export * from './session.ts';
