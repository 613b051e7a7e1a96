import type { Mode } from '@shoal/protocol/donate';
import type { BudgetOption } from '@shoal/transport';
import { listenTcp } from '@shoal/transport/tcp';
import type { OpenDoor } from '../../door.ts';
import type { DoorPolicy } from '../../scheduler.ts';
import { Connections, type JobReport } from './connections.ts';
import { type DonateBackendOptions, openBackend } from './backend.ts';

/** Default number of jobs that may wait, of all connections together. */
export const QUEUE_CAPACITY = 64;
/** New tokens that one job may have, unless it is set otherwise. */
const MAX_TOKENS = 4_096;
/** Connections of a Donate compute door, if not configured otherwise. More are closed, or replace idle ones. */
const MAX_DONATE_CONNECTIONS = 64;

export interface DonateDoorOptions extends BudgetOption {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly backend: DonateBackendOptions;
  /** The number of jobs that may wait. Default: `QUEUE_CAPACITY`. */
  readonly queue?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly maxConnections?: number | undefined;
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Called when a job has ended. */
  readonly onJob?: ((report: JobReport) => void) | undefined;
}

export interface DonateDoor extends OpenDoor {
  readonly name: 'donate';
  readonly mode: Mode;
  readonly port: number;
}

/**
 * Listens for Donate compute clients. The jobs of all connections run one at a time, in order of arrival; loading a pushed
 * model is a job too. Throws `INVALID_REQUEST` if it cannot listen or use the folder for models.
 */
export async function openDonateDoor(options: DonateDoorOptions): Promise<DonateDoor> {
  const { host, port, queue = QUEUE_CAPACITY, maxTokens = MAX_TOKENS } = options;
  const policy: DoorPolicy = { door: 'donate', running: 1, waiting: queue, maxTokens };
  const backend = await openBackend(options.backend, policy);
  const connections = new Connections(backend, { capacity: queue, onJob: options.onJob, budget: options.budget });
  const { maxConnectionsPerAddress: perAddress } = options;
  try {
    const listener = await listenTcp({
      host,
      port,
      maxConnections: options.maxConnections ?? MAX_DONATE_CONNECTIONS,
      maxConnectionsPerAddress: perAddress,
      onConnection: (connection, seat) => connections.accept(connection, seat),
    });
    const bound = listener.address();
    return {
      name: 'donate',
      mode: backend.mode,
      address: `${bound.host.includes(':') ? `[${bound.host}]` : bound.host}:${bound.port}`,
      port: bound.port,
      status: () => ({ ...backend.door.load, ...backend.door.outcomes, connections: connections.count }),
      async close() {
        await listener.close();
        await backend.close();
      },
    };
  } catch (thrown) {
    await backend.close();
    throw thrown;
  }
}
