import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { ToolFormat } from '../tools/tool-format.ts';
import { ToolParser, type ToolParserOptions } from '../tools/tool-parser.ts';

type Call = readonly [name: string, text: string];

export interface ToolFormatExamples {
  /** How a model of the format writes calls, one or more at once, and text before them where the format has that. */
  readonly write: (calls: readonly Call[], before?: string) => string;
  /** How it writes text alone. */
  readonly writeText?: ((text: string) => string) | undefined;
  /** Calls as other models of the format write them, each of which is `get_weather` with `{"city": "Bern"}`. */
  readonly variants?: readonly string[] | undefined;
  /** Text that the model begins a call with and never ends. */
  readonly cut: string;
}

const TOOLS = ['get_weather', 'get_time'];
const OPTIONS: ToolParserOptions = { tools: TOOLS, isParallel: true, isThinking: false };
const WEATHER: Call = ['get_weather', '{"city": "東京 \\"{[<\\u00fc", "days": [1, -2.5e3, {"x": null}], "wet": true}'];
const TIME: Call = ['get_time', '{}'];
const BERN: Call = ['get_weather', '{"city": "Bern"}'];

/** What every tool format holds to. */
export function toolFormatContract(format: ToolFormat, examples: ToolFormatExamples): void {
  const { write, writeText = (text: string) => text } = examples;
  describe(`tool format ${format.name}`, () => {
    it('finds a call', () => {
      expectEverywhere(format, write([WEATHER]), { text: '', calls: [WEATHER] });
    });

    it('finds calls that are made at once', () => {
      expectEverywhere(format, write([WEATHER, TIME, WEATHER]), { text: '', calls: [WEATHER, TIME, WEATHER] });
    });

    it('leaves text as it is', () => {
      const text = 'Use <b>, [x], {"a": 1} & 👩‍👩‍👧 "quotes"\n\n  and so on. ';
      expectEverywhere(format, writeText(text), { text, calls: [] });
    });

    it('takes a call of a tool that was not offered for text', () => {
      const answer = write([['delete_all', '{"really": true}']]);
      const { text, calls } = joined(parse(format, answer.split('')));
      assert.deepEqual(calls, []);
      assert.match(text, /delete_all/);
      assert.match(text, /really/);
    });

    it('gives a call that never ends back as text, as far as it was not said', () => {
      expectEverywhere(format, examples.cut, { text: examples.cut, calls: [] });
    });

    it('says the arguments as they come', () => {
      const answer = write([BERN]);
      const parser = new ToolParser(format, OPTIONS);
      const cutAt = answer.indexOf('Bern') + 2;
      const events = parser.push({ text: answer.slice(0, cutAt), tokens: [1] });
      assert.deepEqual(joined(events).calls, [['get_weather', '{"city": "Be']]);
      assert.equal(parser.hasCalled, false);
      parser.push({ text: answer.slice(cutAt), tokens: [2] });
      assert.equal(parser.hasCalled, true);
    });

    it('lets nothing of a marker through where the answer ends within the last', () => {
      const answer = write([BERN]);
      for (let end = answer.indexOf('}') + 1; end < answer.length; end++) {
        const { text, calls } = joined(parse(format, [answer.slice(0, end)]));
        assert.equal(text, '', answer.slice(0, end));
        assert.deepEqual(calls, [BERN]);
      }
    });

    it('is over behind the first call where only one is allowed', () => {
      const parser = new ToolParser(format, { ...OPTIONS, isParallel: false });
      const events = write([BERN, TIME])
        .split('')
        .flatMap((char) => parser.push({ text: char, tokens: [] }));
      assert.equal(parser.isOver, true);
      assert.deepEqual(joined([...events, ...parser.end()]), { text: '', calls: [BERN] });
    });

    it('finds a call behind a thought that the prompt began', () => {
      const answer = `Hm.\n</think>\n\n${write([BERN])}`;
      const parser = new ToolParser(format, { ...OPTIONS, isThinking: true });
      const events = [...parser.push({ text: answer, tokens: [] }), ...parser.end()];
      const { text, calls } = joined(events);
      assert.equal(text.trim(), 'Hm.\n</think>');
      assert.deepEqual(calls, [BERN]);
    });

    if (format.name !== 'generic') {
      it('finds calls behind text and thoughts, and none within a thought', () => {
        const thought = `<think>\nOr ${write([TIME])}?\n</think>\n\nI look it up.`;
        expectEverywhere(format, write([BERN], thought), { text: thought, calls: [BERN] });
      });
    }

    for (const [index, variant] of (examples.variants ?? []).entries()) {
      it(`reads what some models write instead, variant ${index + 1}`, () => {
        expectEverywhere(format, variant, { text: '', calls: [BERN] });
      });
    }
  });
}

type Events = readonly (TextEvent | ToolCallEvent)[];

/** Whatever it is cut into, an answer means the same, and all ids come out once and in order. */
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
