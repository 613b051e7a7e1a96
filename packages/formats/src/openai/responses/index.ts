export { readResponses, type ResponsesCall } from './call.ts';
export { previousResponseId, type StoredResponse, writeDeleted, writeInputItems, writeStored } from './stored.ts';
