import type { Engine } from '@shoal/engine';
import type { ShoalError } from '@shoal/protocol';
import { DEFAULT_PORT, type Mode } from '@shoal/protocol/donate';
import { Scheduler } from '../../scheduler.ts';
import { Worker } from '../../worker.ts';
import { type DonateDoorOptions, openDonateDoor, QUEUE_CAPACITY } from './door.ts';
import type { UploadsOptions } from './uploads.ts';
import type { DonateBackendOptions } from './backend.ts';

type DoorOptions = Omit<DonateDoorOptions, 'host' | 'port' | 'backend'>;

export type ServeDonateOptions = DoorOptions & {
  /** Absent: this machine alone. There is neither encryption nor a password, so open it to trusted networks only. */
  readonly host?: string | undefined;
  /** Absent: 17001. 0 picks a free one. */
  readonly port?: number | undefined;
  /** Causes that stay at home. */
  readonly onError?: ((error: ShoalError) => void) | undefined;
} & ({ readonly mode: 'local_lm'; readonly engine: Engine } | ({ readonly mode: 'model_push' } & UploadsOptions));

export interface DonateListener {
  readonly mode: Mode;
  /** `host:port`. */
  readonly address: string;
  readonly port: number;
  /** Ends what runs and every connection; nothing of a pushed model stays behind. An engine that was given is left open. */
  close(): Promise<void>;
}

/**
 * Donates to Donate compute clients from within a program: prompts go to `engine`, pushed models to what `mount` makes of
 * them (such as `(modelPath, options) => createLlama({ modelPath, slots: 1, ...options })`).
 */
export async function serveDonate(options: ServeDonateOptions): Promise<DonateListener> {
  const { host = '127.0.0.1', port = DEFAULT_PORT, ...rest } = options;
  const door = await openDonateDoor({ ...rest, host, port, backend: await backendOptions(options) });
  return { mode: door.mode, address: door.address, port: door.port, close: () => door.close() };
}

async function backendOptions(options: ServeDonateOptions): Promise<DonateBackendOptions> {
  const { onError, queue = QUEUE_CAPACITY, maxTokens = Infinity } = options;
  const told = onError === undefined ? {} : { onError };
  if (options.mode === 'model_push') {
    const { mount, folder, quotaBytes } = options;
    return {
      mode: 'model_push',
      scheduler: new Scheduler({ slots: 1, ...told }),
      mount,
      ...told,
      ...(folder === undefined ? {} : { folder }),
      ...(quotaBytes === undefined ? {} : { quotaBytes }),
    };
  }
  const limits = { slots: 1, queue, maxTokens };
  const worker = await Worker.create({ engine: options.engine, limits, health: () => 100, ...told });
  return { mode: 'local_lm', worker };
}
