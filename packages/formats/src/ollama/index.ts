export { readEmbeddingsResponse, writeEmbeddingsRequest } from './embeddings.ts';
export { errorText, failures, readError } from './errors.ts';
export { type RequestOptions, writeRequest } from './request.ts';
export { readStream } from './stream.ts';
