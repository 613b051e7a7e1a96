import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { SessionAction } from './session-action.ts';
import { CONVERSATION_LENGTH_MAX, emptyConversation } from './conversation.ts';
import { RunSession } from './session.ts';

const DISPLAY = { wordWrap: true, verbose: false, history: true };

function session(): RunSession {
  return new RunSession(emptyConversation('tiny'), DISPLAY);
}

/** Returns the request of the only action. */
function asked(actions: readonly SessionAction[]): InferenceRequest {
  const [action] = actions;
  assert.ok(actions.length === 1 && action?.type === 'generate', JSON.stringify(actions));
  return action.request;
}

function printed(actions: readonly SessionAction[]): string {
  const [action] = actions;
  assert.ok(actions.length === 1 && action?.type === 'print', JSON.stringify(actions));
  return action.lines.join('\n');
}

function contents({ input }: InferenceRequest): unknown {
  return input.type === 'messages' ? input.messages.map(({ role, content }) => [role, content]) : input;
}

test('each question is sent after the earlier messages, and a failed one is removed', () => {
  const one = session();
  assert.deepEqual(contents(asked(one.line('Hello'))), [['user', 'Hello']]);
  one.answered('Hi!');
  asked(one.line('This fails'));
  one.failed();
  assert.deepEqual(one.line('   '), []);
  assert.deepEqual(contents(asked(one.line(' And then?'))), [
    ['user', 'Hello'],
    ['assistant', 'Hi!'],
    ['user', ' And then?'],
  ]);
  one.answered('Then this.');
  assert.equal(printed(one.line('/clear')), 'Cleared session context');
  assert.deepEqual(contents(asked(one.line('New'))), [['user', 'New']]);
});

test('three quotes begin and end a message of several lines, and Ctrl-C drops it', () => {
  const one = session();
  assert.deepEqual(contents(asked(one.line('"""one line"""'))), [['user', 'one line']]);
  one.failed();
  assert.deepEqual([one.line('"""first'), one.line('/bye'), one.isOpen], [[], [], true]);
  assert.deepEqual(contents(asked(one.line('last"""'))), [['user', 'first\n/bye\nlast']]);
  one.failed();
  one.line('"""dropped');
  one.interrupt();
  assert.deepEqual(contents(asked(one.line('next'))), [['user', 'next']]);
});

test('pasted lines and the line typed after them are one message', () => {
  const one = session();
  assert.deepEqual([one.line('/set of lines', true), one.line('', true)], [[], []]);
  assert.ok(one.isOpen);
  assert.deepEqual(contents(asked(one.line('what is this?'))), [['user', '/set of lines\n\nwhat is this?']]);
});

test('a system message comes first, in one line or several, and an empty one removes it', () => {
  const one = session();
  assert.equal(printed(one.line('/set system Be  brief.')), 'Set system message.');
  assert.deepEqual(contents(asked(one.line('Hi'))), [
    ['system', 'Be  brief.'],
    ['user', 'Hi'],
  ]);
  one.line('/set system """Be');
  assert.equal(printed(one.line('long."""')), 'Set system message.');
  assert.equal(printed(one.line('/show system')), 'Be\nlong.');
  assert.equal(printed(one.line('/set system """"""')), 'Removed system message.');
  assert.match(printed(one.line('/show system')), /no system message/);
});

test('parameters are checked, shown, and part of every request from then on', () => {
  const one = session();
  for (const line of ['temperature 0.5', 'num_predict 12', 'top_k 3', 'top_p .9', 'min_p 0.1', 'seed 7', 'stop a b']) {
    assert.match(printed(one.line(`/set parameter ${line}`)), /^Set parameter /);
  }
  for (const line of ['repeat_penalty 1.1', 'presence_penalty -1', 'frequency_penalty 0.5']) {
    assert.match(printed(one.line(`/set parameter ${line}`)), /^Set parameter /);
  }
  const { sampling, stop } = asked(one.line('Hi'));
  assert.deepEqual(
    { sampling, stop },
    {
      sampling: {
        temperature: 0.5,
        maxTokens: 12,
        topK: 3,
        topP: 0.9,
        minP: 0.1,
        seed: 7,
        repeatPenalty: 1.1,
        presencePenalty: -1,
        frequencyPenalty: 0.5,
      },
      stop: ['a', 'b'],
    },
  );
  assert.match(printed(one.line('/set parameter num_predict -1')), /Set parameter/);
  assert.equal(asked(one.line('Hi')).sampling.maxTokens, undefined);
  assert.match(printed(one.line('/show parameters')), /temperature +0\.5\n[^]*stop +a\nstop +b/);
  assert.match(printed(one.line('/show modelfile')), /^FROM tiny\nPARAMETER temperature 0\.5\n[^]*PARAMETER stop "b"$/);
});

test('a wrong parameter changes nothing, and the message names valid values', () => {
  const one = session();
  const wrong: readonly (readonly [line: string, answer: RegExp])[] = [
    ['temperature hot', /'temperature' must be a number from 0 to 10/],
    ['top_p 1.5', /'top_p' must be a number from 0 to 1\./],
    ['seed 1.5', /'seed' must be a whole number/],
    ['seed', /'seed' must be a whole number/],
    ['num_ctx 0', /'num_ctx' must be/],
    ['stop', /'stop' takes 1 to 16 texts/],
    ['temprature 1', /Unknown parameter 'temprature'\. Did you mean temperature\? Valid names: num_predict, /],
    ['__proto__ 1', /Unknown parameter/],
  ];
  for (const [line, answer] of wrong) assert.match(printed(one.line(`/set parameter ${line}`)), answer);
  assert.deepEqual(asked(one.line('Hi')).sampling, {});
});

test('a new context length is set after the model was loaded with it', () => {
  const one = session();
  assert.deepEqual(one.line('/set parameter num_ctx 512'), [{ type: 'reload', contextLength: 512 }]);
  assert.deepEqual(one.conversation.parameters.numbers, {});
  one.reloaded(512);
  assert.deepEqual(one.conversation.parameters.numbers, { num_ctx: 512 });
});

test('format and display settings can be set and unset', () => {
  const one = session();
  one.line('/set format json');
  assert.deepEqual(asked(one.line('Hi')).format, { type: 'json' });
  one.line('/set noformat');
  assert.equal(asked(one.line('Hi')).format, undefined);
  for (const mode of ['nohistory', 'nowordwrap', 'verbose']) {
    assert.equal(printed(one.line(`/set ${mode}`)), `Set '${mode}' mode.`);
  }
  assert.deepEqual(one.display, { wordWrap: false, verbose: true, history: false });
});

test('commands of the caller are returned as actions', () => {
  const one = session();
  assert.deepEqual(one.line('/show info'), [{ type: 'show', what: 'info' }]);
  assert.deepEqual(one.line('/load other:1b'), [{ type: 'load', model: 'other:1b' }]);
  assert.deepEqual(one.line('/save talk'), [{ type: 'save', name: 'talk' }]);
  for (const line of ['/bye', '/exit', '/quit', ' /bye ']) assert.deepEqual(one.line(line), [{ type: 'exit' }]);
  assert.match(printed(one.line('/save ../talk')), /A conversation’s name has/);
  assert.match(printed(one.line('/save a:b')), /A conversation’s name has/);
  assert.match(printed(one.line('/load')), /^Usage: /);
});

test('an unknown command is not sent, and the nearest one is suggested; a path is a message', () => {
  const one = session();
  assert.match(printed(one.line('/sho info')), /^Unknown command '\/sho'\. Did you mean \/show\? Type \/\? for help$/);
  assert.match(printed(one.line('/set verbos')), /Did you mean verbose\?/);
  assert.match(printed(one.line('/show licence')), /Did you mean license\?/);
  assert.match(printed(one.line('/abcdefgh')), /^Unknown command '\/abcdefgh'\. Type/);
  assert.deepEqual(contents(asked(one.line('/etc/hosts: what is that?'))), [['user', '/etc/hosts: what is that?']]);
  for (const topic of ['', ' set', ' show', ' parameters', ' shortcuts']) {
    assert.match(printed(one.line(`/?${topic}`)), /^[A-Z][a-z ]+:\n/);
  }
});

test('a conversation that is too long is not sent, and continues after /clear', () => {
  const one = session();
  asked(one.line('x'.repeat(CONVERSATION_LENGTH_MAX)));
  one.answered('');
  assert.match(printed(one.line('y')), /too long.*\/clear/);
  one.line('/clear');
  asked(one.line('y'));
  one.line('"""');
  assert.match(printed(one.line('z'.repeat(CONVERSATION_LENGTH_MAX + 1))), /too long/);
  assert.ok(!one.isOpen);
});
