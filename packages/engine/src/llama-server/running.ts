import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ShoalError } from '@shoal/protocol/error';
import type { Supervised } from '../child-process/supervisor.ts';
import { childEnvironment } from '../child-process/environment.ts';
import { startLeashedProgram } from '../child-process/leashed-program.ts';
import { ModelServer } from '../http/server.ts';
import { cannotLoad } from '../model-files/model-file.ts';
import { crashed, failures } from './errors.ts';
import { ServerWatch } from './server-watch.ts';

/** Loading a large file from a slow disk takes its time; a server that is silent for longer hangs. */
const LOAD_TIMEOUT_MS = 600_000;
/** Between two looks at whether the model is loaded. */
const LOAD_POLL_MS = 25;
/** Any answer to such a look comes from memory. */
const LOOK_TIMEOUT_MS = 5_000;
const DEVICES_TIMEOUT_MS = 20_000;
const KEY_BYTES = 32;
/** The longest path of a Unix socket, its end mark left out, on every system: 104 bytes on macOS, 108 on Linux. */
const SOCKET_PATH_BYTES_MAX = 103;
/** Threads for requests beyond those that generate: for what is asked before and beside a generation. */
const SPARE_HTTP_THREADS = 8;
const HTTP_OK = 200;

export interface StartOptions {
  readonly binary: string;
  readonly modelPath: string;
  /** Tokens of all slots together. */
  readonly contextTokens: number;
  readonly slots: number;
  /** Layers that the GPU computes: -1 as many as fit, 0 none. */
  readonly gpuLayers: number;
  readonly threads?: number | undefined;
  /** The most memory of its own that the process may take. */
  readonly limitBytes: number;
  /** More of llama-server's own flags. */
  readonly words?: readonly string[] | undefined;
  readonly onLine: (line: string) => void;
}

/** A llama-server that has its model loaded. */
export interface RunningServer extends Supervised {
  readonly server: ModelServer;
  readonly processId: number | undefined;
  /** Begins a request, during which a silent server is ended. Returns the function that ends it. */
  readonly begin: () => () => void;
}

/**
 * Starts a llama-server. It listens on a Unix socket in a folder that only this user enters, and wants a key that was made
 * for it and that it is handed in its environment: no other program of the machine can use it. Throws a `ShoalError` for
 * the model's owner.
 */
export async function startServer(options: StartOptions, signal: AbortSignal): Promise<RunningServer> {
  const folder = await mkdtemp(join(socketParent(), 'shoal-'));
  const socketPath = join(folder, 's.sock');
  const key = randomBytes(KEY_BYTES).toString('hex');
  const { child, pid } = startLeashedProgram(
    { folder, binary: options.binary, args: [...flags(options), '--host', socketPath], environment: environment(key) },
    options.onLine,
  );
  const server = new ModelServer(
    new URL('http://localhost/'),
    failures,
    { authorization: `Bearer ${key}` },
    socketPath,
  );
  void pid.then((programId) => child.limitMemory(programId, options.limitBytes));
  const watch = new ServerWatch(server, (reason) => child.kill(reason));
  const gone = child.ended.then(async (how) => {
    watch.stop();
    await rm(folder, { recursive: true, force: true });
    return crashed(`${how} ${child.lastOutput}`.trim());
  });
  const end = async (): Promise<void> => {
    await child.end();
    await gone;
  };
  const failed = (how: string) => cannotLoad(options.modelPath, `llama-server ended (${how}).`, child.lastOutput);
  const connect = (waiting: AbortSignal) => untilLoaded(server, waiting);
  try {
    await child.connected({ connect, timeoutMs: LOAD_TIMEOUT_MS, failed }, signal);
    return { server, processId: await pid, gone, end, begin: () => watch.begin() };
  } catch (error) {
    await gone;
    throw error;
  }
}

/** Returns the device that computes: `cpu`, or the interface of the first GPU that llama-server finds, such as `cuda`. */
export async function findDevice(binary: string, gpuLayers: number): Promise<string> {
  if (gpuLayers === 0) return 'cpu';
  const { stdout } = await promisify(execFile)(binary, ['--list-devices'], {
    timeout: DEVICES_TIMEOUT_MS,
    env: childEnvironment('llama-server'),
  });
  const [, interfaceName = 'cpu'] = /^\s+([A-Za-z]+)\d*:/m.exec(stdout) ?? [];
  return interfaceName.toLowerCase();
}

function flags({ modelPath, contextTokens, slots, gpuLayers, threads, words = [] }: StartOptions): string[] {
  return [
    '--model',
    modelPath,
    '--ctx-size',
    String(contextTokens),
    '--parallel',
    String(slots),
    '--threads-http',
    String(slots + SPARE_HTTP_THREADS),
    // A full context is the end of an answer, rather than something quietly left out.
    '--no-context-shift',
    ...(gpuLayers === 0 ? ['--device', 'none'] : []),
    ...(gpuLayers >= 0 ? ['--gpu-layers', String(gpuLayers)] : []),
    ...(threads === undefined ? [] : ['--threads', String(threads)]),
    ...words,
  ];
}

/**
 * Its settings are those of its command line alone. What slots have read stays in them, and is not copied to some GiB of
 * memory beside them; older servers know no such setting.
 */
function environment(key: string): NodeJS.ProcessEnv {
  return { ...childEnvironment('llama-server'), LLAMA_API_KEY: key, LLAMA_ARG_CACHE_RAM: '0' };
}

/** Resolves when the server has loaded its model. */
async function untilLoaded(server: ModelServer, signal: AbortSignal): Promise<void> {
  while (!(await isLoaded(server, signal))) await setTimeout(LOAD_POLL_MS, undefined, { signal });
}

async function isLoaded(server: ModelServer, signal: AbortSignal): Promise<boolean> {
  try {
    const { status } = await server.requestObject({ path: 'health', signal, timeoutMs: LOOK_TIMEOUT_MS });
    return status === HTTP_OK;
  } catch (error) {
    // The socket does not accept connections yet.
    if (error instanceof ShoalError && !signal.aborted) return false;
    throw error;
  }
}

/** The temporary folder, unless its path is too long for a socket's. */
function socketParent(): string {
  const ending = '/shoal-XXXXXX/s.sock';
  return Buffer.byteLength(tmpdir() + ending) <= SOCKET_PATH_BYTES_MAX ? tmpdir() : '/tmp';
}
