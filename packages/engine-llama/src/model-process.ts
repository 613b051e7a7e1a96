import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ShoalError } from '@shoal/protocol';
import type { FromChild, LoadedModel, LoadOrder, ToChild } from './messages.ts';
import { cannotLoad } from '@shoal/engine/model-files/model-file';

/** Loading a large file from a slow disk takes its time; a child that is silent for longer hangs. */
const LOAD_TIMEOUT_MS = 600_000;
const FIRST_BACK_OFF_MS = 250;
const BACK_OFF_MAX_MS = 30_000;
/** A request waits for a restart that is no further away than this. */
const RESTART_PATIENCE_MS = 2_000;
/** After this long without a crash the next back-off is the shortest again. */
const HEALTHY_AFTER_MS = 60_000;
/** How long a child may take to end by itself. */
const CHILD_EXIT_GRACE_MS = 500;
/** A child with answers says something every second, or after each step where one takes longer; a silent one hangs. */
const SILENCE_LIMIT_MS = 120_000;
/** A chat template takes milliseconds; one that takes so long never ends, and may fill all memory. */
const TEMPLATE_LIMIT_MS = 5_000;
/** The last words on standard error that are kept to explain a crash. */
const LAST_WORDS_LENGTH = 2_000;

/** Lines of those that explain it. */
const COMPLAINTS_MAX = 3;
const COMPLAINT = /error|fail|assert|abort|terminate|what\(\)|exception/i;

/** What a child says once it has its model. */
export type ChildNews = Exclude<FromChild, { type: 'loaded' | 'refused' | 'template' }>;

export interface SupervisorHandlers {
  loaded(model: LoadedModel, processId: number | undefined): void;
  message(message: ChildNews): void;
  /** The child is gone, and with it every answer that it worked on. */
  lost(error: ShoalError): void;
}

/** Keeps one child process with a loaded model: starts it when it is first wanted, and again when it dies. */
export class Supervisor {
  readonly #order: LoadOrder;
  readonly #checkFile: (path: string) => Promise<void>;
  readonly #handlers: SupervisorHandlers;
  readonly #closing = new AbortController();
  #child: ChildProcess | undefined;
  #loaded: Promise<LoadedModel> | undefined;
  #failure: ShoalError | undefined;
  #backOffMs = 0;
  #restartAt = 0;
  #silence: NodeJS.Timeout | undefined;

  constructor(order: LoadOrder, checkFile: (path: string) => Promise<void>, handlers: SupervisorHandlers) {
    this.#order = order;
    this.#checkFile = checkFile;
    this.#handlers = handlers;
  }

  /** Resolves once a child has the model loaded. Rejects with a `ShoalError` that is meant for the model's owner. */
  async ready(): Promise<LoadedModel> {
    if (this.#closing.signal.aborted) throw closed();
    const retryAfterMs = Math.ceil(this.#restartAt - performance.now());
    if (retryAfterMs > RESTART_PATIENCE_MS && this.#failure !== undefined) {
      const { code, message } = this.#failure;
      throw new ShoalError(code, message, { cause: this.#failure, retryAfterMs });
    }
    return this.#loaded ?? this.#start();
  }

  /** Does nothing where there is no child to hear it. */
  send(message: ToChild): void {
    if (this.#child?.connected === true) this.#child.send(message);
  }

  /** Whether there is a child, with its model or on its way to it. */
  get isRunning(): boolean {
    return this.#loaded !== undefined;
  }

  /** Whether the child owes an answer: one that stays silent then is ended. */
  set expectsNews(isExpected: boolean) {
    if (!isExpected) {
      clearTimeout(this.#silence);
      this.#silence = undefined;
      return;
    }
    const child = this.#child;
    this.#silence ??= globalThis.setTimeout(() => child?.kill('SIGKILL'), SILENCE_LIMIT_MS).unref();
  }

  /** An answer was completed. */
  proven(): void {
    this.#backOffMs = 0;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.expectsNews = false;
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined) await endChild(child);
  }

  #start(): Promise<LoadedModel> {
    const loaded = this.#startChild();
    this.#loaded = loaded;
    loaded.catch(() => {
      if (this.#loaded === loaded) this.#loaded = undefined;
    });
    return loaded;
  }

  async #startChild(): Promise<LoadedModel> {
    try {
      const waitMs = this.#restartAt - performance.now();
      if (waitMs > 0) await setTimeout(waitMs, undefined, { signal: this.#closing.signal });
      await this.#checkFile(this.#order.modelPath);
      if (this.#closing.signal.aborted) throw closed();
      this.#child = forkChild(this.#order.cacheDirectory);
      return await this.#load(this.#child);
    } catch (error) {
      throw this.#closing.signal.aborted ? closed() : error;
    }
  }

  /** Sends the order and settles with the child's answer to it, or its end. */
  async #load(child: ChildProcess): Promise<LoadedModel> {
    const startedAt = performance.now();
    let isLoaded = false;
    let refusal: string | undefined;
    let template: NodeJS.Timeout | undefined;
    let isEndless = false;
    const lastWords = keepLastWords(child);
    const { promise, resolve, reject } = Promise.withResolvers<LoadedModel>();
    child.on('message', (message: FromChild) => {
      if (message.type === 'loaded') {
        isLoaded = true;
        lastWords.forget();
        this.#handlers.loaded(message.model, child.pid);
        resolve(message.model);
      } else if (message.type === 'refused') {
        refusal = message.reason;
        reject(cannotLoad(this.#order.modelPath, refusal));
      } else if (message.type === 'template') {
        clearTimeout(template);
        if (message.is === 'done') return;
        template = globalThis.setTimeout(() => {
          isEndless = true;
          child.kill('SIGKILL');
        }, TEMPLATE_LIMIT_MS);
      } else {
        this.#silence?.refresh();
        this.#handlers.message(message);
      }
    });
    const gone = (signal: string) => {
      clearTimeout(template);
      const how = isEndless ? `its chat template did not end within ${TEMPLATE_LIMIT_MS / 1_000} s` : signal;
      const cause = `${how} ${lastWords.complaints()}`.trim();
      const failure = isLoaded
        ? ShoalError.generationFailed('The model crashed. Ask again: it is started anew.', cause)
        : cannotLoad(this.#order.modelPath, `the process that loaded it ended (${how}).`, cause);
      reject(failure);
      if (this.#child !== child) return; // we ended it ourselves
      this.#child = undefined;
      this.#loaded = undefined;
      this.expectsNews = false;
      this.#postpone(performance.now() - startedAt, failure);
      this.#handlers.lost(failure);
      if (isLoaded) this.#replace();
    };
    child.once('exit', (code, signal) => gone(signal ?? `exit code ${code}`));
    child.on('error', (error) => {
      child.kill('SIGKILL');
      gone(error.message);
    });

    child.send({ type: 'load', order: this.#order } satisfies ToChild);
    const timer = globalThis.setTimeout(() => child.kill('SIGKILL'), LOAD_TIMEOUT_MS);
    try {
      return await promise;
    } catch (error) {
      if (this.#child === child) {
        this.#child = undefined;
        this.#postpone(0, ShoalError.from(error));
        await endChild(child);
      }
      if (refusal !== undefined) throw cannotLoad(this.#order.modelPath, `${refusal} ${lastWords.complaints()}`.trim());
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next child starts later, and later each time, unless the last one lived well. */
  #postpone(livedMs: number, failure: ShoalError): void {
    this.#failure = failure;
    const isFirst = this.#backOffMs === 0 || livedMs > HEALTHY_AFTER_MS;
    this.#backOffMs = isFirst ? FIRST_BACK_OFF_MS : Math.min(this.#backOffMs * 2, BACK_OFF_MAX_MS);
    this.#restartAt = performance.now() + this.#backOffMs;
  }

  /** A child that had its model is replaced without being asked for. */
  #replace(): void {
    this.#start().catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#handlers.lost(ShoalError.from(error));
    });
  }
}

function forkChild(cacheDirectory: string | undefined): ChildProcess {
  const entry = new URL(import.meta.resolve('@shoal/engine-llama/child'));
  const compileCache = cacheDirectory === undefined ? [] : [join(cacheDirectory, 'compiled')];
  // An assertion of ggml would start a debugger to print a backtrace, which takes seconds.
  const env = { ...process.env, GGML_NO_BACKTRACE: '1' };
  return fork(entry, compileCache, { env, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
}

/** Asks it to end by hanging up, and makes it end where it does not listen. */
async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, 'exit');
  if (child.connected) child.disconnect();
  const timer = globalThis.setTimeout(() => child.kill('SIGKILL'), CHILD_EXIT_GRACE_MS);
  await exit;
  clearTimeout(timer);
}

interface LastWords {
  /** The lines that speak of something wrong, the latest last: llama.cpp says there why it refuses a file, or gives up. */
  complaints(): string;
  /** What was said until now is of no interest any more. */
  forget(): void;
}

function keepLastWords(child: ChildProcess): LastWords {
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-LAST_WORDS_LENGTH);
  });
  return {
    complaints: () =>
      words
        .split('\n')
        .filter((line) => COMPLAINT.test(line))
        .slice(-COMPLAINTS_MAX)
        .join(' '),
    forget: () => {
      words = '';
    },
  };
}

function closed(): ShoalError {
  return ShoalError.aborted('The engine was closed.');
}
