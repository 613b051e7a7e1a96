import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { TemplateHost } from '../../packages/engine-llama/src/template/template-host.ts';

const TOKENS = { bos: '<s>', eos: '</s>', addsBos: true, addsEos: false };
const HONEST = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}';
/** Longer than every limit of time together, on a busy machine. */
const MOST_MS = 20_000;

const grow = (step: string, times = 60) =>
  `{% set ns = namespace(s='ab', l=[1]) %}{% for i in range(${times}) %}${step}{% endfor %}{{ ns.s }}`;

/** Templates that are only harmful for one message. */
const RENDERED: Readonly<Record<string, string>> = {
  'text that doubles': grow('{% set ns.s = ns.s ~ ns.s %}'),
  'text that is added to itself': grow('{% set ns.s = ns.s + ns.s %}'),
  'text times a number': "{{ 'a' * 9999999999 }}",
  'a list that doubles': grow('{% set ns.l = ns.l + ns.l %}'),
  'a list in itself, as JSON': grow('{% set ns.l = [ns.l, ns.l] %}') + '{{ ns.l | tojson }}',
  'a deep list, as JSON': grow('{% set ns.l = [ns.l] %}', 1_000_000) + '{{ ns.l | tojson }}',
  'a list that grows by one': grow('{% set ns.l = ns.l + [i] %}', 10_000_000),
  'a namespace in itself': '{% set ns = namespace(a=1) %}{% set ns.a = ns %}{{ ns | tojson }}',
  'a long range': '{% for i in range(1000000000) %}{% endfor %}',
  'a long range that writes': '{% for i in range(100000000) %}{{ i }}{% endfor %}',
  'loops in loops': '{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}',
  'loops in loops that write': '{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}',
  'a sorted range': '{{ range(100000000) | sort | first }}',
  replace: grow("{% set ns.s = ns.s | replace('a', 'aaaaaaaa') %}"),
  indent: grow('{% set ns.s = (ns.s ~ "\\n" ~ ns.s) | indent(1000) %}'),
  join: grow('{% set ns.l = ns.l + ns.l %}{% set ns.s = ns.l | join(ns.s) %}'),
  split: grow("{% set ns.s = ns.s ~ ',' ~ ns.s %}{% set ns.l = ns.s.split(',') %}"),
  'a slice of a long text': "{{ ('abc' * 100000000)[::-1] }}",
  'a macro that calls itself': '{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}',
  'a macro that calls itself twice': '{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(0) }}',
  'a long refusal': "{{ raise_exception('a' * 100000000) }}",
  'a long prompt': "{{ 'a' * 100000000 }}",
};

/** Templates that are harmful when they are read. */
const COMPILED: Readonly<Record<string, string>> = {
  'nested parentheses': `{{ ${'('.repeat(200_000)}1${')'.repeat(200_000)} }}`,
  'nested lists': `{{ ${'['.repeat(100_000)}${']'.repeat(100_000)} }}`,
  'nested conditions': '{% if 1 %}'.repeat(20_000) + '{% endif %}'.repeat(20_000),
  'more than the longest': 'x'.repeat(600_000),
  'a loop without an end in every rendering': '{% for i in range(1000000000) %}{% endfor %}',
};

const render = (host: TemplateHost, content: string) =>
  host.render({ messages: [{ role: 'user', content }] }, () => true);

suite('a hostile chat template', () => {
  for (const [name, hostile] of Object.entries(RENDERED)) {
    test(`${name}: the request is refused, and the next one is answered`, { timeout: MOST_MS }, async (t) => {
      const host = new TemplateHost(undefined);
      try {
        const source = `{% if messages[0].content == 'attack' %}${hostile}{% endif %}${HONEST}`;
        await host.compile({ text: source, tokens: TOKENS });
        const startedAt = performance.now();
        await assert.rejects(render(host, 'attack'), isRefusal);
        t.diagnostic(`refused after ${Math.round(performance.now() - startedAt)} ms`);
        assert.equal((await render(host, 'hello'))?.prompt, '<user>hello');
      } finally {
        await host.end();
      }
    });
  }

  for (const [name, hostile] of Object.entries(COMPILED)) {
    test(`${name}: the template is refused`, { timeout: MOST_MS }, async () => {
      const host = new TemplateHost(undefined);
      try {
        await assert.rejects(host.compile({ text: hostile, tokens: TOKENS }), isRefusal);
        assert.equal(host.isReady, false);
      } finally {
        await host.end();
      }
    });
  }

  test('loses only its own request: those that wait behind it are rendered', { timeout: MOST_MS }, async () => {
    const host = new TemplateHost(undefined);
    try {
      const source = `{% if messages[0].content == 'attack' %}${RENDERED['a macro that calls itself']}{% endif %}${HONEST}`;
      await host.compile({ text: source, tokens: TOKENS });
      const names = ['a', 'attack', 'b', 'attack', 'c'];
      const ends = await Promise.allSettled(names.map((name) => render(host, name)));
      const prompts = ends.map((end) => (end.status === 'fulfilled' ? end.value?.prompt : 'refused'));
      assert.deepEqual(prompts, ['<user>a', 'refused', '<user>b', 'refused', '<user>c']);
    } finally {
      await host.end();
    }
  });
});

function isRefusal(error: unknown): boolean {
  assert.ok(error instanceof ShoalError, String(error));
  assert.equal(error.code, 'INVALID_REQUEST');
  assert.match(error.message, /chat template (crashes|takes longer|needs more|refuses|writes more|has more|is broken)/);
  assert.ok(error.message.length <= 500);
  return true;
}
