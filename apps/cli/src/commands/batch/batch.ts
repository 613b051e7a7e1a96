import { connect, type ConnectOptions, type Shoal } from '@shoal/client';
import { type BatchLine, runBatch, WORKER_TIMEOUT_MS } from '@shoal/client/batch';
import { launchSettings } from '@shoal/host/launch-settings';
import { ShoalError } from '@shoal/protocol/error';
import { WorkerAbsence } from '../../batch/worker-absence.ts';
import { withOverriddenModel, withAdvice } from '../../batch/error-advice.ts';
import { BatchInput, type Survey } from '../../batch/input.ts';
import { BatchOutput } from '../../batch/output.ts';
import { batchPaths, type Paths } from '../../batch/paths.ts';
import { Progress, type Waiting } from '../../batch/progress.ts';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { deadlineMs } from '../../deadline.ts';
import { count, elapsed, print } from '../../terminal/output.ts';

export interface BatchFlags {
  readonly cluster?: readonly string[] | undefined;
  readonly peer?: readonly string[] | undefined;
  readonly bootstrap?: readonly string[] | undefined;
  readonly model?: string | undefined;
  readonly output?: string | undefined;
  readonly errors?: string | undefined;
  readonly order: 'input' | 'completion';
  readonly concurrency?: number | undefined;
  readonly retries?: number | undefined;
  /** In seconds. */
  readonly deadline?: number | undefined;
  readonly restart?: boolean | undefined;
  readonly retryFailed?: boolean | undefined;
}

/** `shoal batch`: results and errors in files, progress on stderr, the summary on stdout. Ctrl-C keeps what is done. */
export async function batch(context: Context, input: string, flags: BatchFlags): Promise<number> {
  const settings = networkSettings(flags);
  if (flags.restart === true && flags.retryFailed === true) {
    throw CliError.usage('Give --restart or --retry-failed, not both: --restart asks all lines again.');
  }
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  // A second signal ends the process at once; written results stay.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.once(name, interrupt);
  const file = await BatchInput.open(input);
  try {
    const paths = await batchPaths(input, flags);
    const survey = await file.survey(interrupted.signal);
    const { order, restart = false, retryFailed } = flags;
    const output = await BatchOutput.open({ ...paths, ...survey, order, restart, retryFailed });
    const run = new BatchCommand(file, output, survey, flags, settings);
    return await run.run(context, paths, interrupted.signal);
  } finally {
    for (const name of signals) process.off(name, interrupt);
    await file.close();
  }
}

class BatchCommand {
  readonly #file: BatchInput;
  readonly #output: BatchOutput;
  readonly #survey: Survey;
  readonly #flags: BatchFlags;
  readonly #network: ConnectOptions;
  readonly #progress: Progress;
  /** True if --model replaces the model of a line. */
  #isOverridden = false;

  constructor(file: BatchInput, output: BatchOutput, survey: Survey, flags: BatchFlags, network: ConnectOptions) {
    this.#file = file;
    this.#output = output;
    this.#survey = survey;
    this.#flags = flags;
    this.#network = network;
    this.#progress = new Progress(process.stderr, survey.total, () => output);
  }

  /** The files are closed last, so that they get all results. */
  async run(context: Context, paths: Paths, signal: AbortSignal): Promise<number> {
    const before = this.#done;
    try {
      if (before < this.#survey.total) await this.#generate(signal);
    } catch (error) {
      throw withAdvice(error);
    } finally {
      this.#progress.end();
      await this.#output.close();
    }
    if (signal.aborted && this.#done < this.#survey.total) {
      process.stderr.write(`${this.#done} of ${this.#survey.total} lines are done. Run the same command to go on.\n`);
      throw CliError.interrupted();
    }
    this.#summarise(context, paths, before);
    return this.#output.failed > 0 ? EXIT.failed : EXIT.ok;
  }

  get #done(): number {
    return this.#output.answered + this.#output.failed;
  }

  async #generate(signal: AbortSignal): Promise<void> {
    const { model, concurrency, retries, deadline } = this.#flags;
    const client = await connectTo(this.#network);
    const absence = new WorkerAbsence(client);
    this.#progress.showWaiting(() => waitingFor(absence));
    try {
      const options = {
        client,
        signal,
        lines: this.#lines(),
        model,
        concurrency,
        retries,
        deadlineMs: deadlineMs(deadline),
      };
      for await (const result of runBatch(options)) {
        await this.#output.write(this.#isOverridden ? withOverriddenModel(result) : result);
      }
    } finally {
      absence.close();
      await client.close();
    }
  }

  /** Yields the lines that are not done. */
  async *#lines(): AsyncGenerator<BatchLine> {
    for await (const line of this.#file.lines((number) => this.#output.skip(number))) {
      const { model } = this.#flags;
      const named = 'input' in line ? line.input.model : undefined;
      this.#isOverridden ||= model !== undefined && named !== undefined && named !== model;
      const isDuplicate = line.customId !== undefined && !this.#output.isNew(line.customId);
      if (!this.#output.has(line.line)) yield isDuplicate ? withDuplicateError(line) : line;
    }
  }

  #summarise(context: Context, { input, output, errors }: Paths, before: number): void {
    const { answered, failed } = this.#output;
    const { total } = this.#survey;
    const { seconds, rate } = this.#progress;
    const document = {
      input,
      output,
      errors: failed > 0 ? errors : null,
      total,
      answered,
      failed,
      done_before: before,
      seconds: Math.round(seconds * 1_000) / 1_000,
      lines_per_second: Math.round(rate * 1_000) / 1_000,
    };
    print(context, document, [
      `${count(total, 'line')}: ${answered} answered, ${failed} failed, in ${elapsed(seconds)}`,
      `Answers: ${output}`,
      ...(failed > 0 ? [`Errors: ${errors}; the same command with --retry-failed asks these lines again`] : []),
    ]);
  }
}

function waitingFor(absence: WorkerAbsence): Waiting | undefined {
  const { seconds, wasPresent } = absence;
  return seconds === undefined ? undefined : { seconds, wasPresent, timeoutSeconds: WORKER_TIMEOUT_MS / 1_000 };
}

function withDuplicateError({ line, customId = '' }: BatchLine): BatchLine {
  return {
    line,
    customId,
    error: ShoalError.invalidRequest(`The custom_id "${customId}" is already used on an earlier line.`),
  };
}

async function connectTo(network: ConnectOptions): Promise<Shoal> {
  try {
    return await connect(network);
  } catch (error) {
    throw error instanceof ShoalError && error.code === 'INVALID_REQUEST' ? CliError.usage(error.message) : error;
  }
}

/** Checks clusters and bootstrap nodes as for a node. Peers are checked when they are dialled. */
function networkSettings({ cluster, peer, bootstrap }: BatchFlags): ConnectOptions {
  if (cluster === undefined && peer === undefined) {
    throw CliError.usage('Give the workers: --cluster ID, or --peer ws://HOST:PORT/shoal/v1.');
  }
  try {
    const { SHOAL_BOOTSTRAP, SHOAL_WS_TOKEN: token } = process.env;
    const settings = launchSettings({ clusters: cluster, bootstrap }, { SHOAL_BOOTSTRAP });
    return {
      clusters: settings.clusters ?? [],
      bootstrap: settings.bootstrap,
      peers: peer,
      ...(token === undefined || token === '' ? {} : { token }),
    };
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}
