import type { TemplateMessage } from './conversation.ts';
import { differenceOf, segmentize, withoutBlank } from './marker-difference.ts';

/**
 * The markers around a model's reasoning before its answer, found by comparing renderings, as llama.cpp does
 * (`analyze_reasoning` of common/chat-diff-analyzer.cpp). Either may be empty.
 */
export interface ReasoningMarkers {
  readonly start: string;
  readonly end: string;
}

export interface RenderOptions {
  readonly messages: readonly TemplateMessage[];
  readonly addGenerationPrompt: boolean;
  readonly enableThinking: boolean;
  readonly withTools?: boolean | undefined;
}

/**
 * Returns markers without the space around them. A missing end marker is derived from the start marker, and the other way
 * round. Returns undefined if that is not possible.
 */
export function completeMarkers({ start, end }: ReasoningMarkers): ReasoningMarkers | undefined {
  const [begin, finish] = [start.trim(), end.trim()];
  const whole = {
    start: begin === '' ? finish.replace(/^([<[])\//, '$1') : begin,
    end: finish === '' ? begin.replace(/^[<[](?=\w)/, '$&/') : finish,
  };
  return whole.start === whole.end ? undefined : whole;
}

/** Returns the template's output, or undefined if it refuses. */
export type RenderAttempt = (options: RenderOptions) => string | undefined;

const QUESTION: TemplateMessage = { role: 'user', content: 'U_USER_MSG Hello END_U' };
const ANSWER: TemplateMessage = { role: 'assistant', content: 'A_ASST_MSG I can help END_A' };
const THOUGHT = 'REASON_PART I am thinking END_R';
/** Number of last characters of a prompt that locate its end in another rendering. */
const ANCHOR_LENGTH = 64;

const CALL = { name: 'FFF_FIRST_FUN_F', arguments: { AA_ARG_FST_AA: 'VVVV' } };
const CALLING: TemplateMessage = {
  role: 'assistant',
  content: '',
  reasoning_content: THOUGHT,
  tool_calls: [{ type: 'function', function: CALL, id: 'call00001' }],
};

const MARKER = String.raw`(?:<[^>]*>|\[[^\]]*\])`;
const WRAPPED = new RegExp(String.raw`(${MARKER}\s*)${THOUGHT}(\s*${MARKER}\s*)`);
const DELIMITED = new RegExp(String.raw`${THOUGHT}\s*(${MARKER}\s*)`);

/** Returns undefined if the template does not support reasoning. */
export function findReasoningMarkers(source: string, render: RenderAttempt): ReasoningMarkers | undefined {
  // Granite 3.3 describes the markers in its instructions.
  if (source.includes('Write your thoughts between <think></think>')) return { start: '<think>', end: '</think>' };
  const markers = compareScope(render) ?? compareSwitch(render, comparePresence(render));
  if (markers !== undefined) return markers;
  // Old templates of Qwen and DeepSeek remove reasoning from earlier answers and write none.
  const removesReasoning = source.includes("content.split('</think>')") && !source.includes('reasoning_content');
  return removesReasoning ? { start: '<think>', end: '</think>' } : undefined;
}

/** Compares an answer with reasoning to the same answer without it. */
function comparePresence(render: RenderAttempt): ReasoningMarkers | undefined {
  const options = { addGenerationPrompt: false, enableThinking: true };
  const without = render({ ...options, messages: [QUESTION, ANSWER] });
  const text = render({ ...options, messages: [QUESTION, { ...ANSWER, reasoning_content: THOUGHT }] });
  return without === undefined || text === undefined ? undefined : markersAround(text);
}

/** Finds the markers of models that reason only before tool calls. */
function compareScope(render: RenderAttempt): ReasoningMarkers | undefined {
  const options = { addGenerationPrompt: false, enableThinking: true, withTools: true };
  const without = render({ ...options, messages: [QUESTION, { ...ANSWER, reasoning_content: THOUGHT }] });
  const text = render({ ...options, messages: [QUESTION, CALLING] });
  if (without === undefined || text === undefined || without.includes(THOUGHT)) return undefined;
  return markersAround(text);
}

function markersAround(text: string): ReasoningMarkers | undefined {
  const [, start = '', end = ''] = WRAPPED.exec(text) ?? [];
  if (start !== '') return { start, end };
  const [, delimiter = ''] = DELIMITED.exec(text) ?? [];
  return delimiter === '' ? undefined : { start: '', end: delimiter };
}

/** Compares a prompt with reasoning enabled to the same prompt with reasoning disabled. */
function compareSwitch(render: RenderAttempt, known: ReasoningMarkers | undefined): ReasoningMarkers | undefined {
  const options = { messages: [QUESTION], addGenerationPrompt: true };
  const off = render({ ...options, enableThinking: false });
  const on = render({ ...options, enableThinking: true });
  if (off === undefined || on === undefined) return known;
  const { left, right } = differenceOf(off, on);
  const start = known?.start ?? '';
  const end = known?.end ?? '';
  if (left.trim() === '' && right.trim() === '') return known;
  if (left.trim() === '') {
    return on.endsWith(right.trim()) ? { start: start === '' ? right : start, end } : known;
  }
  if (right.trim() === '') return end === '' ? (endMarkers(off, left, start) ?? known) : known;
  return tailMarkers(off, on, { start, end }) ?? known;
}

/** Finds both markers at the end of a prompt whose disabled reasoning is an empty block. */
function endMarkers(off: string, left: string, start: string): ReasoningMarkers | undefined {
  if (!off.endsWith(left.trim())) return undefined;
  const [last, beforeLast] = withoutBlank(segmentize(off)).toReversed();
  const isPair = last?.value === left.trim() && beforeLast?.isMarker === true;
  return { start: isPair ? beforeLast.value : start, end: left };
}

/** Finds both markers if one prompt contains the other's end and continues with an empty reasoning block. */
function tailMarkers(off: string, on: string, known: ReasoningMarkers): ReasoningMarkers | undefined {
  for (const [base, extended] of [
    [on, off],
    [off, on],
  ] as const) {
    const anchor = base.slice(-ANCHOR_LENGTH);
    const at = extended.lastIndexOf(anchor);
    if (at === -1) continue;
    const [first, second, ...others] = withoutBlank(segmentize(extended.slice(at + anchor.length).trim()));
    if (first?.isMarker !== true || second?.isMarker !== true || others.length > 0) continue;
    return { start: known.start || first.value, end: known.end || second.value };
  }
  return undefined;
}
