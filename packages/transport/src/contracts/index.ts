export * from './connection-contract.ts';
