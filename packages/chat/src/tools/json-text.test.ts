import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { JsonText } from './json-text.ts';

/** Returns the JSON value at the beginning of the text, or undefined if it is malformed or incomplete. */
function valueOf(text: string): string | undefined {
  const json = new JsonText();
  for (let at = 0; at < text.length; at++) {
    const step = json.push(text.charAt(at));
    if (step === 'malformed') return undefined;
    if (step !== 'more') return text.slice(0, step === 'done' ? at + 1 : at);
  }
  return undefined;
}

suite('a JSON value in a text', () => {
  test('ends at its last character', () => {
    const values = [
      '{}',
      '[]',
      '{"a": {"b": [1, -2.5e+3, true, null, "x"]}, "c": []}',
      '"a \\" \\\\ \\u00e9 }"',
      ' {\n"a" :\t1 }',
    ];
    for (const value of values) assert.equal(valueOf(`${value}} and more`), value);
    assert.equal(valueOf('12, 3'), '12');
    assert.equal(valueOf('false]'), 'false');
  });

  test('that is malformed is refused', () => {
    const broken = [
      '{a: 1}',
      '{"a" 1}',
      '{"a": 1,}',
      '[1,]',
      '[1 2]',
      '[1}',
      '{"a": 01}',
      '"a\nb"',
      '"\\x"',
      '"\\u12g4"',
    ];
    for (const text of [...broken, '{"a": tru}', ']', ',', "{'a': 1}", '{"a": +1}', '[,1]', '{,}']) {
      assert.equal(valueOf(`${text} `), undefined, text);
    }
  });

  test('may be nested to any depth', () => {
    assert.equal(valueOf('['.repeat(100_000)), undefined);
  });
});
