export { readChat } from './calls/chat.ts';
export { readEmbed, readOldEmbedding } from './calls/embed.ts';
export { readGenerate } from './calls/generate.ts';
export { readEmbeddingsResponse, writeEmbeddingsRequest } from './embeddings.ts';
export { errorText, failures, readError, writeError } from './errors.ts';
export {
  type PullProgress,
  readCopy,
  readModelName,
  readPull,
  readVerbose,
  writePullProgress,
  writeVersion,
} from './manage.ts';
export { writeLoaded, writeShow, writeTags } from './models.ts';
export { type RequestOptions, writeRequest } from './request.ts';
export { readStream } from './stream.ts';
