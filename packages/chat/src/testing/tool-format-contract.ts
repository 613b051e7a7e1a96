import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { ToolFormat } from '../tools/tool-format.ts';
import { ToolParser, type ToolParserOptions } from '../tools/tool-parser.ts';

type Call = readonly [name: string, text: string];

export interface ToolFormatExamples {
  /** Writes one or more calls as a model does, after text if the format allows that. */
  readonly write: (calls: readonly Call[], before?: string) => string;
  /** Writes an answer without calls. */
  readonly writeText?: ((text: string) => string) | undefined;
  /** The call `get_weather` with `{"city": "Bern"}` as other models of the format write it. */
  readonly variants?: readonly string[] | undefined;
  /** The beginning of a call without its end. */
  readonly cut: string;
}

const TOOLS = ['get_weather', 'get_time'];
const OPTIONS: ToolParserOptions = { tools: TOOLS, isParallel: true, isThinking: false };
const WEATHER: Call = ['get_weather', '{"city": "東京 \\"{[<\\u00fc", "days": [1, -2.5e3, {"x": null}], "wet": true}'];
const TIME: Call = ['get_time', '{}'];
const BERN: Call = ['get_weather', '{"city": "Bern"}'];

/** Tests that every tool format must pass. */
export function toolFormatContract(format: ToolFormat, examples: ToolFormatExamples): void {
  const { write, writeText = (text: string) => text } = examples;
  describe(`tool format ${format.name}`, () => {
    it('finds a call', () => {
      expectEverywhere(format, write([WEATHER]), { text: '', calls: [WEATHER] });
    });

    it('finds several calls', () => {
      expectEverywhere(format, write([WEATHER, TIME, WEATHER]), { text: '', calls: [WEATHER, TIME, WEATHER] });
    });

    it('emits text unchanged', () => {
      const text = 'Use <b>, [x], {"a": 1} & 👩‍👩‍👧 "quotes"\n\n  and so on. ';
      expectEverywhere(format, writeText(text), { text, calls: [] });
    });

    it('emits a call of a tool that was not offered as text', () => {
      const answer = write([['delete_all', '{"really": true}']]);
      const { text, calls } = joined(parse(format, answer.split('')));
      assert.deepEqual(calls, []);
      assert.match(text, /delete_all/);
      assert.match(text, /really/);
    });

    it('emits an incomplete call as text if no part of it was emitted as a call', () => {
      expectEverywhere(format, examples.cut, { text: examples.cut, calls: [] });
    });

    it('emits the arguments as they arrive', () => {
      const answer = write([BERN]);
      const parser = new ToolParser(format, OPTIONS);
      const cutAt = answer.indexOf('Bern') + 2;
      const events = parser.push({ text: answer.slice(0, cutAt), tokens: [1] });
      assert.deepEqual(joined(events).calls, [['get_weather', '{"city": "Be']]);
      assert.equal(parser.hasCalled, false);
      parser.push({ text: answer.slice(cutAt), tokens: [2] });
      assert.equal(parser.hasCalled, true);
    });

    it('emits no part of an end marker that the end of the answer cuts', () => {
      const answer = write([BERN]);
      for (let end = answer.indexOf('}') + 1; end < answer.length; end++) {
        const { text, calls } = joined(parse(format, [answer.slice(0, end)]));
        assert.equal(text, '', answer.slice(0, end));
        assert.deepEqual(calls, [BERN]);
      }
    });

    it('ends after the first call if only one is allowed', () => {
      const parser = new ToolParser(format, { ...OPTIONS, isParallel: false });
      const events = write([BERN, TIME])
        .split('')
        .flatMap((char) => parser.push({ text: char, tokens: [] }));
      assert.equal(parser.isOver, true);
      assert.deepEqual(joined([...events, ...parser.end()]), { text: '', calls: [BERN] });
    });

    it('finds a call after reasoning that the prompt began', () => {
      const answer = `Hm.\n</think>\n\n${write([BERN])}`;
      const parser = new ToolParser(format, { ...OPTIONS, isThinking: true });
      const events = [...parser.push({ text: answer, tokens: [] }), ...parser.end()];
      const { text, calls } = joined(events);
      assert.equal(text.trim(), 'Hm.\n</think>');
      assert.deepEqual(calls, [BERN]);
    });

    if (format.name !== 'generic') {
      it('finds calls after text and reasoning, but not within reasoning', () => {
        const thought = `<think>\nOr ${write([TIME])}?\n</think>\n\nI look it up.`;
        expectEverywhere(format, write([BERN], thought), { text: thought, calls: [BERN] });
      });
    }

    for (const [index, variant] of (examples.variants ?? []).entries()) {
      it(`reads variant ${index + 1} of other models`, () => {
        expectEverywhere(format, variant, { text: '', calls: [BERN] });
      });
    }
  });
}

type Events = readonly (TextEvent | ToolCallEvent)[];

/** Asserts that the result is the same for every split of the answer, and that each id is emitted once and in order. */
function expectEverywhere(format: ToolFormat, answer: string, expected: ReturnType<typeof joined>): void {
  const whole = Array.from({ length: answer.length - 1 }, (_, at) => [answer.slice(0, at + 1), answer.slice(at + 1)]);
  for (const cut of [[answer], answer.split(''), ...whole]) {
    const events = parse(format, cut);
    assert.deepEqual(joined(events), expected, `cut into ${JSON.stringify(cut)}`);
    assert.deepEqual(
      events.flatMap(({ tokens }) => tokens),
      cut.map((_, index) => index),
    );
    const ids = events.flatMap((event) => (event.type === 'tool_call' ? (event.id ?? []) : []));
    assert.equal(new Set(ids).size, expected.calls.length);
    for (const event of events) {
      if (event.type === 'text' && event.logprobs) assert.equal(event.logprobs.length, event.tokens.length);
    }
  }
}

function parse(format: ToolFormat, pieces: readonly string[]): Events {
  const parser = new ToolParser(format, OPTIONS);
  const events = pieces.flatMap((text, index) =>
    parser.push({ text, tokens: [index], logprobs: [{ token: index, text, logprob: -1, top: [] }] }),
  );
  return [...events, ...parser.end()];
}

function joined(events: Events): { readonly text: string; readonly calls: readonly Call[] } {
  let text = '';
  const calls: [string, string][] = [];
  for (const event of events) {
    if (event.type === 'text') {
      text += event.text;
      continue;
    }
    if (event.name !== undefined) {
      assert.equal(event.index, calls.length);
      calls.push([event.name, '']);
    }
    const call = calls[event.index];
    assert.ok(call, 'a call begins with its name');
    call[1] += event.arguments;
  }
  return { text, calls };
}
