import { createLogger } from '@shoal/host/log';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { Interrupts } from '../../localllm/interrupts.ts';
import { readInput } from '../../prompt-text.ts';
import { AnswerText } from '../../run/answer-text.ts';
import { chooseModel, type ModelChoice, type ModelFlags } from '../../run/choose-model.ts';
import { type Conversation, requestOf } from '../../run/conversation.ts';
import { readFormat } from '../../run/format.ts';
import { findConversation } from '../../run/saved-conversations.ts';
import { NO_PARAMETERS, type Parameters, setParameter } from '../../run/parameters.ts';
import { openModel } from '../../run/open-model.ts';
import { remarkOn, type RunAnswer, generateAnswer, answerDocument, timings } from '../../run/run-answer.ts';
import { RunSession } from '../../run/session.ts';
import { TerminalRun } from '../../run/terminal.ts';

export interface RunFlags extends ModelFlags {
  readonly format?: string | undefined;
  readonly system?: string | undefined;
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly seed?: number | undefined;
  readonly stop?: readonly string[] | undefined;
  readonly verbose?: boolean | undefined;
  readonly nowordwrap?: boolean | undefined;
}

/**
 * `shoal run`: answers one prompt, or starts a conversation at a terminal. Closes an engine in this process at the end. A model
 * that a node of this machine lends stays loaded.
 */
export async function run(
  context: Context,
  name: string | undefined,
  prompts: readonly string[],
  flags: RunFlags,
): Promise<number> {
  const prompt = await promptOf(context, prompts);
  const log = createLogger('warn');
  const interrupts = new Interrupts();
  try {
    const saved = name === undefined ? undefined : await findConversation(context, name);
    const settings = await withFlags(saved, flags);
    const choose = (model: string | undefined, signal: AbortSignal, contextLength?: number): Promise<ModelChoice> =>
      // A node's model has its own context length, so another one needs a local engine.
      chooseModel(context, model, modelFlags(flags, contextLength !== undefined), { log, signal });
    const choice = await choose(saved?.model ?? name, interrupts.left, settings.parameters.numbers.num_ctx);
    const session = new RunSession(
      { ...settings, model: choice.name },
      { wordWrap: flags.nowordwrap !== true, verbose: flags.verbose === true, history: true },
    );
    if (prompt !== undefined) return await answerOnce(context, { choice, session, interrupts }, prompt);
    return await new TerminalRun(context, { session, interrupts, choice, log, choose }).run();
  } finally {
    interrupts.close();
  }
}

/** The prompt: stdin, then the arguments, as in Ollama. Undefined at a terminal without arguments: prompts are typed. */
async function promptOf({ json }: Context, prompts: readonly string[]): Promise<string | undefined> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY && !json;
  if (isTerminal && prompts.length === 0) return undefined;
  const piped = process.stdin.isTTY ? '' : await readInput();
  const prompt = [piped, prompts.join(' ')].filter((part) => part.trim() !== '').join('\n');
  if (prompt === '') throw CliError.usage('There is no prompt: shoal run MODEL "What is 2+2?"');
  return prompt;
}

function modelFlags({ contextLength, gpuLayers, threads, here = false }: RunFlags, isLocal: boolean): ModelFlags {
  return {
    contextLength,
    gpuLayers,
    threads,
    here: here || isLocal,
  };
}

/** A saved conversation with the flags applied. */
async function withFlags(saved: Conversation | undefined, flags: RunFlags): Promise<Omit<Conversation, 'model'>> {
  const { system = saved?.system, format } = flags;
  const answerFormat = format === undefined ? saved?.format : await readFormat(format);
  return {
    messages: saved?.messages ?? [],
    parameters: parametersOf(savedParameters(saved, flags), flags),
    ...(system !== undefined && system !== '' && { system }),
    format: answerFormat,
  };
}

/** The saved parameters, without the context length if a flag sets it. */
function savedParameters(saved: Conversation | undefined, { contextLength }: RunFlags): Parameters {
  const { parameters = NO_PARAMETERS } = saved ?? {};
  if (contextLength === undefined) return parameters;
  const { num_ctx: _, ...numbers } = parameters.numbers;
  return { ...parameters, numbers };
}

function parametersOf(saved: Parameters, { maxTokens, temperature, seed, stop }: RunFlags): Parameters {
  const given = { num_predict: maxTokens, temperature, seed };
  let parameters = saved;
  try {
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined) parameters = setParameter(parameters, name, [String(value)]);
    }
    return stop === undefined ? parameters : setParameter(parameters, 'stop', stop);
  } catch (error) {
    throw error instanceof Error ? CliError.usage(error.message) : error;
  }
}

interface OneAnswer {
  readonly choice: ModelChoice;
  readonly session: RunSession;
  readonly interrupts: Interrupts;
}

/** Prints the answer to stdout and everything else to stderr. */
async function answerOnce(
  context: Context,
  { choice, session, interrupts }: OneAnswer,
  prompt: string,
): Promise<number> {
  const { numbers } = session.conversation.parameters;
  const request = requestOf(session.conversation, prompt);
  const { model, loadMs } = await openModel(choice, interrupts.left, numbers.num_ctx);
  const text = new AnswerText(session.display.wordWrap);
  try {
    const write = (piece: string): Promise<void> | void => (context.json ? undefined : text.write(piece));
    const answer = await interrupts.during((signal) => generateAnswer(model, request, signal, write));
    if (answer.finish.reason === 'abort') throw CliError.interrupted();
    if (context.json) process.stdout.write(`${JSON.stringify(answerDocument(answer, loadMs))}\n`);
    else endAnswer(answer, text, session.display.verbose ? timings(answer, loadMs) : []);
    return EXIT.ok;
  } catch (error) {
    text.end();
    throw interrupts.left.aborted ? CliError.interrupted() : error;
  } finally {
    await model.close();
  }
}

function endAnswer(answer: RunAnswer, text: AnswerText, details: readonly string[]): void {
  text.end();
  const remark = remarkOn(answer);
  const lines = [...(remark === undefined ? [] : [remark]), ...details];
  for (const line of lines) process.stderr.write(`${line}\n`);
}
