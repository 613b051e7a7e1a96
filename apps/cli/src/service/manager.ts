import type { ServicePlan } from './plan.ts';

/** Begins every file that `shoal service install` writes. */
export const MARK = 'Written by "shoal service install". "shoal service uninstall" removes it.';

/** The state of a service, as its manager reports it. */
export interface ServiceState {
  readonly isRunning: boolean;
  /** Such as `active (running)`. */
  readonly text: string;
  /** True: it starts by itself. */
  readonly isEnabled: boolean;
  readonly pid?: number | undefined;
}

/** The programs of a system that run services. A failure of theirs is thrown as `ShoalError`. */
export interface ServiceManager {
  /** For people. */
  readonly label: string;
  /** False: it was written from its documentation, and never run. */
  readonly isTested: boolean;
  /** The path of the file that describes the service. */
  file(plan: ServicePlan): string;
  /** Returns the content of that file for this machine. It contains `MARK`, and the path of the log as `inFile` returns it. */
  text(plan: ServicePlan): Promise<string>;
  /** Returns a path as it stands in the file. */
  inFile(path: string): string;
  /** Reads the file again, and lets the service start by itself from now on. */
  enable(plan: ServicePlan): Promise<void>;
  /** Starts the service, or starts it again. */
  restart(plan: ServicePlan): Promise<void>;
  /** Stops the service, and lets it start no more. Does nothing if it is not known. */
  disable(plan: ServicePlan): Promise<void>;
  /** Called after the file was removed. */
  forget(plan: ServicePlan): Promise<void>;
  /** Undefined if the manager does not answer. */
  state(plan: ServicePlan): Promise<ServiceState | undefined>;
  /** The command that starts the service, for people. */
  startCommand(plan: ServicePlan): string;
  /** Advice for a service that starts only when its user logs in; undefined if there is none. */
  advice(): string | undefined;
}
