import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { ShoalError } from '@shoal/protocol/error';
import { Child } from '@shoal/engine/child-process/child';
import { childEnvironment } from '@shoal/engine/child-process/environment';
import { SilenceWatch } from '@shoal/engine/child-process/silence-watch';
import type { Supervised } from '@shoal/engine/child-process/supervisor';
import { cannotLoad } from '@shoal/engine/model-files/model-file';
import {
  type FromChild,
  type LoadRequest,
  type ModelDescription,
  HEARTBEAT,
  HEARTBEAT_DESCRIPTOR,
  type ToChild,
} from './messages.ts';

/** A large file on a slow disk takes long to load; a child that takes longer hangs. */
const LOAD_TIMEOUT_MS = 600_000;
/** Milliseconds that a child has to end by itself. */
const CHILD_EXIT_GRACE_MS = 500;
/** A chat template takes milliseconds; one that takes longer than this never ends, and may fill all memory. */
const TEMPLATE_LIMIT_MS = 5_000;

/** Lines of the last output that explain a crash. */
const COMPLAINTS_MAX = 3;
const COMPLAINT = /error|fail|assert|abort|terminate|what\(\)|exception/i;

/** Messages of a child that has loaded its model. */
export type RunningMessage = Exclude<FromChild, { type: 'loaded' | 'refused' | 'template' }>;

/** A child process with a loaded model. */
export interface RunningModel extends Supervised {
  readonly process: ModelProcess;
  readonly description: ModelDescription;
}

export interface ModelProcessOptions {
  readonly request: LoadRequest;
  /** The most memory of its own that the process may take. */
  readonly limitBytes: number;
  readonly onMessage: (message: RunningMessage) => void;
}

/**
 * Starts a child process and loads a model in it. Rejects with a `ShoalError` for the model's owner, and on abort. No process
 * is left then.
 */
export async function startModel(options: ModelProcessOptions, signal: AbortSignal): Promise<RunningModel> {
  signal.throwIfAborted();
  const process = new ModelProcess(options);
  const description = await process.load(signal);
  return { process, description, gone: process.gone, end: () => process.end() };
}

/** The parent's side of a child process. The IPC channel is the leash: the child exits when it closes. */
export class ModelProcess {
  readonly gone: Promise<ShoalError>;
  readonly #request: LoadRequest;
  readonly #onMessage: (message: RunningMessage) => void;
  readonly #fork: ChildProcess;
  readonly #child: Child;
  readonly #outcome = Promise.withResolvers<Extract<FromChild, { type: 'loaded' | 'refused' }>>();
  readonly #silence: SilenceWatch;
  #template: NodeJS.Timeout | undefined;

  constructor({ request, limitBytes, onMessage }: ModelProcessOptions) {
    this.#request = request;
    this.#onMessage = onMessage;
    this.#fork = forkChild(request.cacheDirectory);
    this.#child = new Child(this.#fork, {
      release: () => {
        if (this.#fork.connected) this.#fork.disconnect();
      },
      kill: () => this.#fork.kill('SIGKILL'),
      exitGraceMs: CHILD_EXIT_GRACE_MS,
    });
    this.#child.limitMemory(this.#fork.pid, limitBytes);
    this.#silence = new SilenceWatch({ onSilent: (reason) => this.#child.kill(reason) });
    this.#readHeartbeat();
    this.gone = this.#child.ended.then((how) => {
      clearTimeout(this.#template);
      this.#silence.stop();
      return ShoalError.generationFailed('The model crashed and is being restarted. Try again.', this.#explain(how));
    });
    this.#fork.on('message', (message: FromChild) => this.#receive(message));
  }

  get pid(): number | undefined {
    return this.#fork.pid;
  }

  /** Resolves when the model is in memory. Rejects with a `ShoalError` for the model's owner; the process has ended then. */
  async load(signal: AbortSignal): Promise<ModelDescription> {
    const { modelPath } = this.#request;
    const failed = (how: string) =>
      cannotLoad(modelPath, `the process that loaded it ended (${how}).`, this.#explain(how));
    const connect = () => {
      this.send({ type: 'load', request: this.#request });
      return this.#outcome.promise;
    };
    const outcome = await this.#child.connected({ connect, timeoutMs: LOAD_TIMEOUT_MS, failed }, signal);
    if (outcome.type === 'loaded') {
      this.#child.clearOutput();
      return outcome.model;
    }
    await this.#child.end();
    throw cannotLoad(modelPath, this.#explain(outcome.reason));
  }

  /** Does nothing if the process has ended. */
  send(message: ToChild): void {
    if (this.#fork.connected) this.#fork.send(message);
  }

  /** Ends the process if it is silent for too long while requests run. */
  watchSilence(hasRequests: boolean): void {
    if (!this.#child.hasEnded) this.#silence.watch(hasRequests);
  }

  end(): Promise<void> {
    return this.#child.end();
  }

  #receive(message: FromChild): void {
    switch (message.type) {
      case 'loaded':
      case 'refused':
        return this.#outcome.resolve(message);
      case 'template':
        return this.#watchTemplate(message.is === 'running');
      case 'events':
      case 'log':
        this.#silence.progress();
        return this.#onMessage(message);
      default:
        message satisfies never;
    }
  }

  #readHeartbeat(): void {
    const heartbeat = this.#fork.stdio[HEARTBEAT_DESCRIPTOR];
    if (heartbeat === null || heartbeat === undefined || !('read' in heartbeat)) return;
    heartbeat.on('data', (bytes: Buffer) => {
      this.#silence.sign();
      if (bytes.includes(HEARTBEAT.progress)) this.#silence.progress();
    });
    // A broken pipe belongs to a process that ends, which is reported by its exit.
    heartbeat.on('error', () => heartbeat.destroy());
  }

  #watchTemplate(isRunning: boolean): void {
    clearTimeout(this.#template);
    if (!isRunning) return;
    const kill = () => this.#child.kill(`its chat template did not end within ${TEMPLATE_LIMIT_MS / 1_000} s`);
    this.#template = setTimeout(kill, TEMPLATE_LIMIT_MS);
  }

  /** Adds the lines of the last output that report a fault: llama.cpp prints there why it refuses a file or gives up. */
  #explain(how: string): string {
    const lines = this.#child.lastOutput.split('\n').filter((line) => COMPLAINT.test(line));
    return [how, ...lines.slice(-COMPLAINTS_MAX)].join(' ');
  }
}

function forkChild(cacheDirectory: string | undefined): ChildProcess {
  const entry = new URL(import.meta.resolve('@shoal/engine-llama/child'));
  const compileCache = cacheDirectory === undefined ? [] : [join(cacheDirectory, 'compiled')];
  // An assertion of ggml would start a debugger to print a backtrace, which takes seconds.
  const env = { ...childEnvironment('llama'), GGML_NO_BACKTRACE: '1' };
  return fork(entry, compileCache, { env, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'] });
}
