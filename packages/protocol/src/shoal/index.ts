export * from './client.ts';
export * from './errors.ts';
export * from './messages.ts';
export * from './request.ts';
export * from './server.ts';
export * from './session.ts';
