import type { Digest } from '@shoal/files/digest';
import type { HttpClient } from '../download/http.ts';
import type { RemoteFile } from '../download/remote-file.ts';

/** The servers that models are pulled from. */
export interface Hubs {
  readonly huggingFace: URL;
  readonly ollama: URL;
  /** The user's token. Sent to the hub and to no other server. */
  readonly huggingFaceToken?: string | undefined;
}

interface LocalFile {
  readonly path: string;
  readonly digest?: Digest | undefined;
}

export type SourceFile = RemoteFile | LocalFile;

/** One model at a source. */
export interface SourceModel {
  /** The default name in the store. */
  readonly name: string;
  /** The text that pulls the same model again. Stored and shown, so it holds no secrets. */
  readonly source: string;
  /** All files in order. */
  readonly files: readonly [SourceFile, ...SourceFile[]];
}

/** The source of one model. */
export interface Source {
  find(http: HttpClient, signal: AbortSignal | undefined): Promise<SourceModel>;
}
