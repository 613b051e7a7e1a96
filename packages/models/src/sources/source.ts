import type { Digest } from '@shoal/files/digest';
import type { HttpClient } from '../download/http.ts';
import type { RemoteFile } from '../download/remote-file.ts';

/** Where models are asked for. */
export interface Hubs {
  readonly huggingFace: URL;
  readonly ollama: URL;
  /** Of the person who pulls; goes to the hub and to nobody else. */
  readonly huggingFaceToken?: string | undefined;
}

interface LocalFile {
  readonly path: string;
  readonly digest?: Digest | undefined;
}

export type SourceFile = RemoteFile | LocalFile;

/** What a source has: all files of one model, in order. */
export interface SourceModel {
  /** The name that the model gets where people choose none. */
  readonly name: string;
  /** What to pull to get the same again. */
  readonly source: string;
  readonly files: readonly [SourceFile, ...SourceFile[]];
}

/** Where one model comes from. */
export interface Source {
  find(http: HttpClient, signal: AbortSignal | undefined): Promise<SourceModel>;
}
