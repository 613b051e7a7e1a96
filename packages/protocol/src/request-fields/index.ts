export * from './consistency.ts';
export * from './messages.ts';
export * from './options.ts';
export * from './tools.ts';
