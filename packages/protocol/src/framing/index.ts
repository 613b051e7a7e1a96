export type { BodyPiece, Framer, FrameHandler, PieceHandler } from './framer.ts';
export { isLastPiece } from './framer.ts';
export { type LengthPrefixOptions, lengthPrefixFramer } from './length-prefix.ts';
export { messageFramer } from './message.ts';
export { ndjsonFramer } from './ndjson.ts';
