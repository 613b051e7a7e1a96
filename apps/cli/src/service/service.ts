import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeDurably } from '@shoal/files/durable-write';
import { readOptional } from '@shoal/files/read';
import { runningPid } from '@shoal/host/home/running-pid';
import type { Home } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol/error';
import { MARK, type ServiceManager, type ServiceState } from './manager.ts';
import { pickManager } from './pick-manager.ts';
import { planService, type ServicePlan } from './plan.ts';

/** The service of one home's node on this system. */
export class NodeService {
  readonly plan: ServicePlan;
  readonly manager: ServiceManager;
  readonly #home: Home;

  constructor(home: Home, manager: ServiceManager = pickManager()) {
    this.#home = home;
    this.manager = manager;
    this.plan = planService(home);
  }

  get file(): string {
    return this.manager.file(this.plan);
  }

  /** Throws `INVALID_REQUEST` if the file is not one of `install`, or is for another home. */
  async isInstalled(): Promise<boolean> {
    return (await this.#installed()) !== undefined;
  }

  state(): Promise<ServiceState | undefined> {
    return this.manager.state(this.plan);
  }

  /**
   * Writes the file and starts the service. A service that runs as the file says is left alone. Throws `INVALID_REQUEST` if
   * another process runs the node, or the service manager fails.
   */
  async install(): Promise<void> {
    const before = await this.#installed();
    const state = await this.state();
    await this.#mustBeFree(state);
    const text = await this.manager.text(this.plan);
    if (text !== before) {
      await mkdir(dirname(this.file), { recursive: true });
      await writeDurably(this.file, text);
    }
    if (state === undefined) throw this.#unreachable();
    if (text === before && state.isRunning && state.isEnabled) return;
    await this.manager.enable(this.plan);
    await this.manager.restart(this.plan);
  }

  /** Stops the service and removes its file. Returns false if there is none. */
  async uninstall(): Promise<boolean> {
    if ((await this.#installed()) === undefined) return false;
    const isReachable = (await this.state()) !== undefined;
    if (isReachable) await this.manager.disable(this.plan);
    await rm(this.file);
    if (isReachable) await this.manager.forget(this.plan);
    return true;
  }

  async #installed(): Promise<string | undefined> {
    const text = await readOptional(this.file);
    if (text === undefined) return undefined;
    if (!text.includes(MARK)) {
      throw ShoalError.invalidRequest(`${this.file} was not written by "shoal service install". Remove it yourself.`);
    }
    if (text.includes(this.manager.inFile(this.plan.log))) return text;
    throw ShoalError.invalidRequest(
      `${this.file} is the service of another home. Set SHOAL_HOME to that one, or give this node a name with --node NAME.`,
    );
  }

  async #mustBeFree(state: ServiceState | undefined): Promise<void> {
    const pid = await runningPid(this.#home);
    if (pid === undefined || state?.isRunning === true) return;
    throw ShoalError.invalidRequest(`The node runs already (pid ${pid}). Stop it first: shoal stop`);
  }

  #unreachable(): ShoalError {
    return new ShoalError(
      'HOST_OFFLINE',
      `${this.file} is written, but ${this.manager.label} of this user does not answer. Log in as this user, not with su or sudo, and ` +
        `run "shoal service install" again. Later, this starts it: ${this.manager.startCommand(this.plan)}`,
    );
  }
}
