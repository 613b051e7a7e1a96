export { readChat } from './chat/request.ts';
export { readEmbeddingsResponse, writeEmbeddingsRequest } from './embeddings.ts';
export { type ErrorResponse, errorText, failures, readError, writeError } from './errors.ts';
export { writeMessage } from './messages.ts';
export { writeModel, writeModelList } from './models.ts';
export { type ChatRequest, readRequest, writeRequest } from './request.ts';
export { writeResponse } from './chat/response.ts';
export { readStream, type StreamFailures } from './stream.ts';
export { writeTools } from './tools.ts';
