import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceEvent } from '@shoal/protocol';
import type { Mode } from '@shoal/protocol/donate';
import { FINISH, ScriptedEngine, type Step } from '../../../../test/scripted-engine.ts';
import { type DonateListener, type JobReport, serveDonate, type ServeDonateOptions } from '../index.ts';
import { type TestFrame, TestClient } from './test-client.ts';

const TEXT: InferenceEvent = { type: 'text', text: 'four', tokens: [4, 5] };
export const MOUNTED = { type: 'model_status', ok: true, message: 'mounted' };

/** Returns a GGUF header without tensors and metadata, and random bytes. */
export function ggufFile(length = 100): Buffer {
  const file = randomBytes(length);
  file.write('GGUF');
  file.fill(0, 4, 24);
  file.writeUInt32LE(3, 4);
  return file;
}

/** Returns the frames of an upload, with its commit. */
export function push(file: Buffer, { pieces = 3, sha256 = '', config = '{"format":"gguf"}' } = {}): TestFrame[] {
  const size = Math.ceil(file.length / pieces);
  const chunks = Array.from({ length: pieces }, (_, index) => ({
    type: 'weights_chunk',
    index,
    last: index === pieces - 1,
    data_b64: file.subarray(index * size, (index + 1) * size).toString('base64'),
  }));
  const begin = {
    type: 'model_begin',
    config_json: config,
    weights_len: file.length,
    weights_sha256: sha256,
  };
  return [begin, ...chunks, { type: 'model_commit' }];
}

export const infer = (jobId: string): TestFrame => ({ type: 'infer', job_id: jobId, input_ids: [1, 2] });
export const prompt = (jobId: string): TestFrame => ({ type: 'prompt', job_id: jobId, prompt: 'What is 2+2?' });

/** An open door, and the engines and files behind it. */
export interface Open {
  readonly listener: DonateListener;
  readonly folder: string;
  readonly reports: JobReport[];
  /** The engines that were mounted, with their files. */
  readonly mounted: { readonly file: string; readonly content: Buffer; readonly engine: ScriptedEngine }[];
  /** Returns the current files of pushed models. */
  readonly files: () => string[];
  readonly client: () => Promise<TestClient>;
  readonly close: () => Promise<void>;
}

interface Test {
  after(release: () => Promise<void>): void;
}

interface Options {
  readonly script?: readonly Step[] | undefined;
  readonly quotaBytes?: number | undefined;
  readonly queue?: number | undefined;
  readonly keepAliveMs?: number | undefined;
}

/** Opens a door with a folder of its own. Both end with the test. */
export async function openDoor(
  context: Test,
  mode: Mode,
  { script = [TEXT, FINISH], quotaBytes, queue, keepAliveMs }: Options = {},
): Promise<Open> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-donate-test-'));
  const [reports, mounted, clients]: [JobReport[], Open['mounted'], TestClient[]] = [[], [], []];
  const mount = (file: string): ScriptedEngine => {
    const engine = new ScriptedEngine(script);
    mounted.push({ file, content: readFileSync(file), engine });
    return engine;
  };
  const own: ServeDonateOptions =
    mode === 'model_push'
      ? { mode, mount, folder, quotaBytes, keepAliveMs }
      : { mode, engine: new ScriptedEngine(script) };
  const listener = await serveDonate({
    ...own,
    port: 0,
    onJob: (report) => reports.push(report),
    ...(queue === undefined ? {} : { queue }),
  });
  const close = async (): Promise<void> => {
    for (const client of clients) client.destroy();
    await listener.close();
  };
  context.after(async () => {
    await close();
    await rm(folder, { recursive: true });
  });
  return {
    listener,
    folder,
    reports,
    mounted,
    files: () => readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.gguf')) as string[],
    client: async () => {
      const client = await TestClient.dial(listener.port);
      clients.push(client);
      const { type } = await client.next();
      assert.equal(type, 'hello');
      return client;
    },
    close,
  };
}
