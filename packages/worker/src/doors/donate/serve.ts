import type { Engine } from '@shoal/engine';
import type { ShoalError } from '@shoal/protocol/error';
import { DEFAULT_PORT, type Mode } from '@shoal/protocol/donate';
import { Scheduler } from '../../scheduler.ts';
import { Worker } from '../../worker.ts';
import { type DonateDoorOptions, openDonateDoor, QUEUE_CAPACITY } from './door.ts';
import type { UploadsOptions } from './uploads.ts';
import type { DonateBackendOptions } from './backend.ts';

type DoorOptions = Omit<DonateDoorOptions, 'host' | 'port' | 'backend'>;

export type ServeDonateOptions = DoorOptions & {
  /** Default: 127.0.0.1. The dialect has no encryption and no password, so listen only on trusted networks. */
  readonly host?: string | undefined;
  /** Default: 17001. 0 picks a free one. */
  readonly port?: number | undefined;
  /** Called with errors whose causes are not sent to clients. */
  readonly onError?: ((error: ShoalError) => void) | undefined;
} & ({ readonly mode: 'local_lm'; readonly engine: Engine } | ({ readonly mode: 'model_push' } & UploadsOptions));

export interface DonateListener {
  readonly mode: Mode;
  /** `host:port`. */
  readonly address: string;
  readonly port: number;
  /** Ends all jobs and connections, and removes pushed models. Does not close the given engine. */
  close(): Promise<void>;
}

/**
 * Serves Donate compute clients from a program: `engine` answers prompts, and `mount` creates the engine of a pushed model, for
 * example with `(modelPath, options) => createLlama({ modelPath, slots: 1, ...options })`.
 */
export async function serveDonate(options: ServeDonateOptions): Promise<DonateListener> {
  const { host = '127.0.0.1', port = DEFAULT_PORT, ...rest } = options;
  const door = await openDonateDoor({ ...rest, host, port, backend: await backendOptions(options) });
  return { mode: door.mode, address: door.address, port: door.port, close: () => door.close() };
}

async function backendOptions(options: ServeDonateOptions): Promise<DonateBackendOptions> {
  const { onError, queue = QUEUE_CAPACITY, maxTokens = Infinity } = options;
  if (options.mode === 'model_push') {
    const { mount, folder, quotaBytes, keepAliveMs } = options;
    return {
      mode: 'model_push',
      scheduler: new Scheduler({ slots: 1, onError }),
      mount,
      onError,
      folder,
      quotaBytes,
      keepAliveMs,
    };
  }
  const limits = { slots: 1, queue, maxTokens };
  const worker = await Worker.create({ engine: options.engine, limits, health: () => 100, onError });
  return { mode: 'local_lm', worker };
}
