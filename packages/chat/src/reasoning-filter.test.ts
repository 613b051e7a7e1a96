import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ReasoningEvent, TextEvent } from '@shoal/protocol';
import type { AnswerReasoning } from './answer-reasoning.ts';
import { ReasoningFilter } from './reasoning-filter.ts';

const MARKERS: AnswerReasoning = { start: '<think>', end: '</think>', hasBegun: false };
const BEGUN: AnswerReasoning = { ...MARKERS, hasBegun: true };

suite('the reasoning filter', () => {
  const cases: readonly (readonly [string, AnswerReasoning, string, readonly [string, string]])[] = [
    ['separates reasoning', MARKERS, '<think>\nHm. 🐟\n</think>\n\nHi </b>.', ['Hm. 🐟', 'Hi </b>.']],
    ['separates reasoning that the prompt began', BEGUN, 'Hm, <b>\n\n</think>Hi.', ['Hm, <b>', 'Hi.']],
    ['separates empty reasoning', MARKERS, '<think>\n\n</think>\n\nHi.', ['', 'Hi.']],
    ['skips space before reasoning', MARKERS, '\n <think>Hm.</think> Hi.', ['Hm.', 'Hi.']],
    ['keeps an answer without markers', MARKERS, ' \nHi. <b>\n', ['', ' \nHi. <b>\n']],
    ['keeps a marker behind text', MARKERS, 'A <think>b</think>', ['', 'A <think>b</think>']],
    ['keeps a part of a marker at the end', MARKERS, ' <thi', ['', ' <thi']],
    [
      'ends nested reasoning at the first end',
      MARKERS,
      '<think>a<think>b</think>c</think>d',
      ['a<think>b', 'c</think>d'],
    ],
    ['finds no second reasoning', MARKERS, '<think>a</think><think>b</think>', ['a', '<think>b</think>']],
    ['returns unfinished reasoning', MARKERS, '<think>Hm.\n</thi', ['Hm.\n</thi', '']],
    ['returns reasoning without an answer', BEGUN, 'Hm.</think>\n', ['Hm.', '']],
    [
      'takes other markers',
      { start: '[THINK]', end: '[/THINK]', hasBegun: false },
      '[THINK][a][/THINK]b',
      ['[a]', 'b'],
    ],
  ];
  for (const [what, reasoning, answer, [thought, text]] of cases) {
    test(`${what}, wherever the answer is split`, () => {
      for (const pieces of splits(answer)) {
        const events = run(reasoning, pieces);
        assert.deepEqual([textOf(events, 'reasoning'), textOf(events, 'text')], [thought, text], pieces.join('|'));
        const ids = events.flatMap(({ tokens }) => tokens);
        assert.deepEqual(ids, [...pieces.keys()]);
        const firstText = events.findIndex(({ type }) => type === 'text');
        assert.ok(firstText === -1 || events.slice(firstText).every(({ type }) => type === 'text'));
      }
    });
  }

  test('continues where the emitted ids end', () => {
    const pieces = Array.from('<think>\nHm.\n</think>\n\nHi.');
    const events = run(MARKERS, pieces);
    for (let count = 1; count < events.length; count++) {
      const known = events.slice(0, count).flatMap(({ tokens }) => tokens).length;
      const filter = new ReasoningFilter(MARKERS);
      for (const text of pieces.slice(0, known)) filter.push({ text, tokens: [0] });
      const rest = [...pieces.slice(known).flatMap((text) => filter.push({ text, tokens: [0] })), ...filter.end()];
      assert.equal(textOf(rest, 'reasoning'), textOf(events.slice(count), 'reasoning'));
      assert.equal(textOf(rest, 'text'), textOf(events.slice(count), 'text'));
    }
  });

  test('returns each piece at once if it cannot belong to a marker', () => {
    const filter = new ReasoningFilter(BEGUN);
    assert.deepEqual(filter.push({ text: 'Hm', tokens: [1] }), [{ type: 'reasoning', text: 'Hm', tokens: [1] }]);
    assert.deepEqual(filter.push({ text: '\n', tokens: [2] }), []);
    assert.deepEqual(filter.push({ text: 'so', tokens: [3] }), [{ type: 'reasoning', text: '\nso', tokens: [2, 3] }]);
  });

  test('keeps the log probabilities of the text only', () => {
    const filter = new ReasoningFilter(BEGUN);
    const piece = (text: string, token: number) => ({
      text,
      tokens: [token],
      logprobs: [{ token, text, logprob: -1, top: [] }],
    });
    assert.deepEqual(
      [piece('Hm.', 1), piece('</think>', 2), piece('\n', 3), piece('Hi', 4)].flatMap((one) => filter.push(one)),
      [
        { type: 'reasoning', text: 'Hm.', tokens: [1] },
        { type: 'reasoning', text: '', tokens: [2] },
        { type: 'reasoning', text: '', tokens: [3] },
        { type: 'text', ...piece('Hi', 4) },
      ],
    );
  });
});

type Events = readonly (ReasoningEvent | TextEvent)[];

/** Returns the answer whole, by characters, and cut at each place. */
function splits(answer: string): readonly (readonly string[])[] {
  const characters = Array.from(answer);
  const cut = characters.map((_, at) => [characters.slice(0, at).join(''), characters.slice(at).join('')]);
  return [[answer], characters, ...cut.slice(1)];
}

function run(reasoning: AnswerReasoning, pieces: readonly string[]): Events {
  const filter = new ReasoningFilter(reasoning);
  return [...pieces.flatMap((text, index) => filter.push({ text, tokens: [index] })), ...filter.end()];
}

function textOf(events: Events, type: Events[number]['type']): string {
  return events.map((event) => (event.type === type ? event.text : '')).join('');
}
