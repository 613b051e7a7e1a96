import type { Configuration } from '@shoal/host/configuration';
import { doorSettings } from '@shoal/host/doors/settings';
import { prepareHome } from '@shoal/host/home';
import { isModelPath } from '@shoal/host/launch-settings';
import { createLogger, type Logger } from '@shoal/host/log';
import { findModel } from '@shoal/host/models';
import { printableName } from '@shoal/host/printable';
import { createTopic, loadTopic } from '@shoal/host/home/server-id';
import { type EngineName, runsFiles } from '@shoal/host/settings';
import { createBudget } from '@shoal/host/peer-budget';
import { ShoalError } from '@shoal/protocol/error';
import { MAX_CLIENTS } from '@shoal/protocol/localllm';
import { createDht, type Dht } from '@shoal/transport/dht';
import type { Worker } from '@shoal/worker';
import { type LocalLlmDoor, openLocalLlmDoor } from '@shoal/worker/localllm';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { untilAnnounced } from '../../door/announcement.ts';
import { doorConfiguration, openDoorWorker } from '../../door/door-worker.ts';
import { untilEnded } from '../../door/foreground.ts';
import { givenDoorSettings, givenSettings } from '../../given-settings.ts';
import { localPlaces } from '../../models/local.ts';
import { isMissing } from '../../run/running-model.ts';
import { LiveLine } from '../../terminal/live-line.ts';
import { listenToKeys } from '../../localllm/keys.ts';
import { qrCode } from '../../localllm/qr-code.ts';

/** A running answer has this time to complete when the host ends. */
const DRAIN_MS = 30_000;

export interface ShareFlags {
  readonly debug?: boolean | undefined;
}

/** `shoal share`: runs a LocalLLM host in the foreground until Ctrl-C. */
export async function share(context: Context, flags: ShareFlags): Promise<number> {
  prepareHome(context.home);
  const settings = givenSettings('share', flags);
  const configuration = await doorConfiguration(context, settings);
  const { name, keep } = doorSettings('localllm', configuration, givenDoorSettings('localllm', 'share', flags));
  const sharing = new Sharing(context, {
    configuration: {
      ...configuration,
      engine: settings.engine === undefined ? await defaultEngine(context, configuration) : configuration.engine,
      slots: configuration.slots ?? 1,
    },
    name: name ?? configuration.name,
    topic: keep ? await loadTopic(context.home) : createTopic(),
    debug: flags.debug ?? configuration.logLevel === 'debug',
  });
  await sharing.run();
  return EXIT.ok;
}

/**
 * Returns Ollama unless the model is a file or belongs to Shoal or another program. If Ollama does not answer, that is an
 * error: no other engine is tried.
 */
async function defaultEngine(context: Context, { engine, model }: Configuration): Promise<EngineName> {
  if (!runsFiles(engine)) return engine;
  return model !== undefined && (await isModelFile(context, model)) ? engine : 'ollama';
}

/** True for a model that the engine llama can load, and that is not Ollama's. */
async function isModelFile(context: Context, name: string): Promise<boolean> {
  if (isModelPath(name)) return true;
  try {
    return (await findModel(await localPlaces(context), name)).owner !== 'ollama';
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

interface SharingOptions {
  readonly configuration: Configuration;
  readonly name: string;
  readonly topic: Uint8Array;
  readonly debug: boolean;
}

/** One run of a host. Each method closes what it opens. */
class Sharing {
  readonly #context: Context;
  readonly #options: SharingOptions;
  readonly #line: LiveLine;
  readonly #log: Logger;
  #door: LocalLlmDoor | undefined;
  #isIntroduced = false;

  constructor(context: Context, options: SharingOptions) {
    this.#context = context;
    this.#options = options;
    // Each document is one line, on a terminal too.
    this.#line = new LiveLine(context.json ? { write: (text) => process.stdout.write(text) } : process.stdout);
    const terminal = { write: (line: string) => this.#line.above(() => process.stderr.write(line)) };
    this.#log = createLogger('info', process.stderr.isTTY ? terminal : undefined);
    if (options.debug) this.#log.level = 'debug';
  }

  async run(): Promise<void> {
    try {
      await untilEnded(this.#log, () => this.#open());
    } finally {
      this.#line.end();
    }
  }

  async #open(): Promise<{ close(): Promise<void> }> {
    // Loading a model takes a while: the terminal shows it.
    if (process.stdout.isTTY && !this.#context.json) this.#line.show('Stopped · loading the model…');
    const { configuration, name, topic } = this.#options;
    const dht = createDht({ bootstrap: configuration.bootstrap });
    const worker = await this.#openWorker(dht);
    const door = openLocalLlmDoor({
      dht,
      worker,
      name,
      topic,
      maxTokens: configuration.maxTokens,
      budget: createBudget(configuration).door(),
      onChange: () => this.#show(),
      log: (line) => this.#log.debug(line),
    });
    this.#door = door;
    this.#show();
    const leaveKeys = this.#listenToKeys();
    void this.#announce(dht, door);
    return {
      close: async () => {
        leaveKeys();
        await worker.close(DRAIN_MS);
        await door.close();
        await dht.close();
      },
    };
  }

  /** If it fails, closes the DHT that was opened before. */
  async #openWorker(dht: Dht): Promise<Worker> {
    const { configuration: choice } = this.#options;
    const limits = { slots: 1, queue: 0, maxTokens: choice.maxTokens };
    try {
      return await openDoorWorker(this.#context, { choice, limits, log: this.#log, onChange: () => this.#show() });
    } catch (error) {
      await dht.close();
      throw withRemedy(error);
    }
  }

  #listenToKeys(): () => void {
    if (this.#context.json) return () => undefined;
    return listenToKeys({
      d: () => this.#toggleDebug(),
      q: () => process.kill(process.pid, 'SIGINT'),
    });
  }

  #toggleDebug(): void {
    const isShown = this.#log.level === 'debug';
    this.#log.level = isShown ? 'info' : 'debug';
    this.#line.above(() => process.stderr.write(`Debug log ${isShown ? 'hidden' : 'shown'}.\n`));
  }

  /** Prints the Server ID once clients can find the host, not before: until then they would be told that it is offline. */
  async #announce(dht: Dht, door: LocalLlmDoor): Promise<void> {
    const hasEnded = (): boolean => door.state === 'stopped';
    const announced = (): Promise<void> => door.announced();
    await untilAnnounced(dht, { log: this.#log, what: 'this host', announced, hasEnded });
    if (!hasEnded()) this.#introduce(door);
  }

  /** Prints the Server ID once, and the status line from then on. */
  #introduce({ serverId, model }: LocalLlmDoor): void {
    this.#isIntroduced = true;
    const { name } = this.#options;
    const { isTTY } = process.stdout;
    if (this.#context.json) {
      process.stdout.write(`${JSON.stringify({ server_id: serverId, model, name })}\n`);
    } else {
      const colours = isTTY && !process.env['NO_COLOR'];
      const lines = [
        `Server ID: ${serverId}`,
        ...qrCode(serverId, colours),
        `${printableName(name)} is shared with everyone who has this ID: shoal chat ${serverId}`,
        ...(isTTY && process.stdin.isTTY ? ['Keys: d shows or hides the debug log, q or Ctrl-C ends.'] : []),
      ];
      this.#line.above(() => process.stdout.write(`${lines.join('\n')}\n`));
    }
    this.#show();
  }

  #show(): void {
    const door = this.#door;
    if (door === undefined) return;
    const { state, model, clients } = door;
    if (!this.#isIntroduced) {
      if (process.stdout.isTTY && !this.#context.json) this.#line.show(`Announcing · ${printableName(model)}…`);
      return;
    }
    if (this.#context.json) this.#line.show(JSON.stringify({ state, model, clients }));
    else this.#line.show(`${STATES[state]} · ${printableName(model)} · ${clients} of ${MAX_CLIENTS} clients connected`);
  }
}

const STATES = { stopped: 'Stopped', ready: 'Ready', busy: 'Busy' } as const;

/** Adds the way to share without Ollama to its error. */
function withRemedy(error: unknown): unknown {
  if (!(error instanceof ShoalError) || error.code !== 'OLLAMA_NOT_FOUND') return error;
  const remedy = 'Or share a model file without it: shoal share --engine llama --model FILE.gguf';
  return new ShoalError(error.code, `${error.message}\n${remedy}`, { cause: error.cause });
}
