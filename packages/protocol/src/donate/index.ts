export * from './client.ts';
export * from './errors.ts';
export * from './messages.ts';
export * from './model-configuration.ts';
export * from './server.ts';
export * from './session.ts';
export * from './upload.ts';
