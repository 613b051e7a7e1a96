import type { ChildProcess } from 'node:child_process';
import type { Ability } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { Child } from '@shoal/engine/child-process/child';
import { SilenceWatch } from '@shoal/engine/child-process/silence-watch';
import type { Supervised } from '@shoal/engine/child-process/supervisor';
import { cannotLoad } from '@shoal/engine/model-files/model-file';
import { forkChild } from './fork-child.ts';
import {
  type FromChild,
  type LoadRequest,
  type ModelDescription,
  HEARTBEAT,
  HEARTBEAT_DESCRIPTOR,
  type ToChild,
} from './messages.ts';
import type { TemplateSource } from './template/messages.ts';
import { TemplateHost } from './template/template-host.ts';

/** A large file on a slow disk takes long to load; a child that takes longer hangs. */
const LOAD_TIMEOUT_MS = 600_000;

/** Lines of the last output that explain a crash. */
const COMPLAINTS_MAX = 3;
const COMPLAINT = /error|fail|assert|abort|terminate|what\(\)|exception/i;

type Loaded = Extract<FromChild, { type: 'loaded' }>;

/** Messages of a child that has loaded its model. */
export type RunningMessage = Exclude<FromChild, { type: 'loaded' | 'refused' }>;

/** A child process with a loaded model, and the one that renders its chats. */
export interface RunningModel extends Supervised {
  readonly process: ModelProcess;
  readonly templates: TemplateHost;
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
  const { request, onMessage } = options;
  const process = new ModelProcess(options);
  const templates = new TemplateHost(request.cacheDirectory);
  // The processes end together.
  const end = async () => {
    await Promise.all([process.end(), templates.end()]);
  };
  try {
    const { model, template } = await process.load(signal);
    const abilities = await withTemplate(model, templates, template, (text) =>
      onMessage({ type: 'log', level: 'warn', text }),
    );
    signal.throwIfAborted();
    const gone = process.gone.then(async (error) => {
      await templates.end();
      return error;
    });
    return { process, templates, description: { ...model, abilities }, gone, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Returns the abilities of a model with its chat template. A model with a broken one still answers raw text and tokens. */
async function withTemplate(
  { abilities }: ModelDescription,
  templates: TemplateHost,
  source: TemplateSource | undefined,
  warn: (text: string) => void,
): Promise<readonly Ability[]> {
  if (source === undefined) {
    await templates.end();
    return abilities;
  }
  try {
    const reasons = await templates.compile(source);
    return ['messages', ...abilities, 'tools', ...(reasons ? (['reasoning'] as const) : [])];
  } catch (error) {
    await templates.end();
    const { message } = ShoalError.from(error);
    warn(`The model's chat template cannot be read, so it takes raw text and tokens only: ${message}`);
    return abilities;
  }
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

  constructor({ request, limitBytes, onMessage }: ModelProcessOptions) {
    this.#request = request;
    this.#onMessage = onMessage;
    const { fork, child } = forkChild('child', request.cacheDirectory);
    this.#fork = fork;
    this.#child = child;
    this.#child.limitMemory(this.#fork.pid, limitBytes);
    this.#silence = new SilenceWatch({ onSilent: (reason) => this.#child.kill(reason) });
    this.#readHeartbeat();
    this.gone = this.#child.ended.then((how) => {
      this.#silence.stop();
      return ShoalError.generationFailed('The model crashed and is being restarted. Try again.', this.#explain(how));
    });
    this.#fork.on('message', (message: FromChild) => this.#receive(message));
  }

  get pid(): number | undefined {
    return this.#fork.pid;
  }

  /** Resolves when the model is in memory. Rejects with a `ShoalError` for the model's owner; the process has ended then. */
  async load(signal: AbortSignal): Promise<Loaded> {
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
      return outcome;
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

  /** Adds the lines of the last output that report a fault: llama.cpp prints there why it refuses a file or gives up. */
  #explain(how: string): string {
    const lines = this.#child.lastOutput.split('\n').filter((line) => COMPLAINT.test(line));
    return [how, ...lines.slice(-COMPLAINTS_MAX)].join(' ');
  }
}
