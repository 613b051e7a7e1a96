import { connectQmesh, type Qmesh, type QmeshWorker } from '@shoal/client/qmesh';
import { printableName } from '@shoal/host/printable';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { givenSettings } from '../../given-settings.ts';
import { doorConfiguration } from '../../door/door-worker.ts';
import { count, modelText, print, RATE_MIN_TOKENS } from '../../terminal/output.ts';
import { promptText } from '../../prompt-text.ts';
import { swarmLog } from '../../door/swarm-log.ts';

/** Characters of a worker's id that are shown. */
const SHOWN_ID_LENGTH = 6;

export interface QmeshAskFlags {
  readonly topic?: string | undefined;
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  /** In seconds. */
  readonly timeout?: number | undefined;
  /** Print the steps on stdout too, in the format of QMesh's own client. */
  readonly steps?: boolean | undefined;
}

/** `shoal qmesh ask`: prints the answer on stdout, and the steps on stderr in the format of QMesh's own client. */
export async function qmeshAsk(context: Context, text: string, flags: QmeshAskFlags): Promise<number> {
  const prompt = await promptText(text, 'shoal qmesh ask "What is 2+2?"');
  const { bootstrap } = await doorConfiguration(context, givenSettings('qmesh ask', flags));
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, interrupt);
  const qmesh = await connectQmesh({
    log: swarmLog(() => undefined),
    ...(bootstrap.length > 0 && { bootstrap }),
    network: flags.topic,
  });
  try {
    await ask(context, qmesh, prompt, flags, interrupted.signal);
    return EXIT.ok;
  } catch (error) {
    throw interrupted.signal.aborted ? CliError.interrupted() : error;
  } finally {
    await qmesh.close();
    for (const name of signals) process.off(name, interrupt);
  }
}

async function ask(
  context: Context,
  qmesh: Qmesh,
  prompt: string,
  { maxTokens, temperature, timeout, steps = false }: QmeshAskFlags,
  signal: AbortSignal,
): Promise<void> {
  const output = steps ? process.stdout : process.stderr;
  const printLine = (line: string): void => {
    if (!context.json) output.write(`${line}\n`);
  };
  const workers = await qmesh.discover(signal);
  printLine(`🌐 Discovered ${count(workers.length, 'worker')}`);
  const startedAt = performance.now();
  const answer = await qmesh.ask(prompt, {
    signal,
    maxTokens,
    temperature,
    ...(timeout !== undefined && { timeoutMs: timeout * 1_000 }),
    onSelected({ id, health }) {
      printLine(`✅ Selected worker ${shownId(id)} (health: ${Math.round(health.score)})`);
      printLine('📤 Sending prompt...');
    },
  });
  const { worker, text, tokens, duration, tokensPerSecond } = answer;
  const totalMs = performance.now() - startedAt;
  const document = {
    workers: workers.map(description),
    worker: description(worker),
    response: text,
    tokens,
    duration_ms: duration,
    tokens_per_second: tokens < RATE_MIN_TOKENS ? null : tokensPerSecond,
    total_ms: Math.round(totalMs),
  };
  print(context, document, [steps ? `📥 Response: ${modelText(text)}` : modelText(text)]);
  printLine(`⏱️  Total time: ${(totalMs / 1_000).toFixed(1)}s`);
}

function description({ id, key, health }: QmeshWorker): object {
  return { id, key, health };
}

function shownId(id: string): string {
  return printableName(id).slice(0, SHOWN_ID_LENGTH);
}
