import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { homeFiles } from '../../home/home.ts';
import { temporaryHome } from '../../testing/temporary-home.ts';
import { findConfiguration, settingsOfFile } from './configuration-file.ts';
import { editJson } from './edit-json.ts';
import { editConfiguration } from './edit.ts';
import { keysOf, parseValue } from './parse-value.ts';

const JSON_TEXT = `{
    "name":   "Ada",
    "doors": { "qmesh": {"capacity": 5}, "tcp": {} },

    "slots": 2
}
`;

test('a change of JSON leaves every other character as it is', async () => {
  const cases: [string, unknown, string][] = [
    ['slots', 3, JSON_TEXT.replace('2', '3')],
    ['queue', 4, JSON_TEXT.replace('2\n', '2,\n    "queue": 4\n').replace('2,\n    "queue"', '2,\n\n    "queue"')],
    ['doors.qmesh.capacity', 6, JSON_TEXT.replace('5', '6')],
    ['doors.tcp.port', 7, JSON_TEXT.replace('"tcp": {}', '"tcp": { "port": 7 }')],
    ['opengateway.paddedTopic', false, JSON_TEXT.replace('2\n', '2,\n\n    "opengateway": { "paddedTopic": false }\n')],
    ['name', undefined, JSON_TEXT.replace('"name":   "Ada",\n    ', '')],
    ['slots', undefined, JSON_TEXT.replace(',\n\n    "slots": 2', '')],
    ['doors.qmesh', undefined, JSON_TEXT.replace('"qmesh": {"capacity": 5}, ', '')],
    ['doors.tcp', undefined, JSON_TEXT.replace(', "tcp": {}', '')],
    ['doors.qmesh.capacity', undefined, JSON_TEXT.replace('{"capacity": 5}', '{}')],
    ['doors.donate.port', undefined, JSON_TEXT],
  ];
  for (const [name, value, expected] of cases) {
    assert.equal(await editJson(JSON_TEXT, keysOf(name), value), expected, `${name} ${String(value)}`);
  }
  assert.equal(await editJson('', ['slots'], 2), '{\n  "slots": 2\n}\n');
  assert.equal(await editJson('{}', ['doors', 'tcp', 'port'], 2), '{\n  "doors": { "tcp": { "port": 2 } }\n}');
});

test('a change of YAML keeps the comments', async (t) => {
  const home = temporaryHome(t);
  const path = join(home.config, 'config.yaml');
  writeFileSync(path, '# Mine.\nname: Ada # as in Lovelace\nclusters:\n  - a # old\n  - b\n\n# How many.\nslots: 2\n');
  await editConfiguration(home, [
    { keys: ['slots'], value: 3 },
    { keys: ['clusters'], value: ['a', 'c'] },
    { keys: ['doors', 'tcp', 'port'], value: 1 },
    { keys: ['doors', 'qmesh'], value: undefined },
  ]);
  const expected =
    '# Mine.\nname: Ada # as in Lovelace\nclusters:\n  - a # old\n  - c\n\n# How many.\nslots: 3\ndoors:\n  tcp:\n    port: 1\n';
  assert.equal(readFileSync(path, 'utf8'), expected);
});

test('nothing is written if the result has an error, and a change may correct one', async (t) => {
  const home = temporaryHome(t);
  const path = join(home.config, 'config.json');
  await assert.rejects(editConfiguration(home, [{ keys: ['slots'], value: 65 }]), { code: 'INVALID_REQUEST' });
  assert.equal(existsSync(path), false);
  writeFileSync(path, '{ "slots": 65 }');
  await assert.rejects(editConfiguration(home, [{ keys: ['queue'], value: 1 }]), { message: /json:1:3: "slots" must/ });
  assert.equal(readFileSync(path, 'utf8'), '{ "slots": 65 }');
  await editConfiguration(home, [{ keys: ['slots'], value: 64 }]);
  assert.equal(readFileSync(path, 'utf8'), '{ "slots": 64 }');
});

test('a file with a secret becomes private, another one keeps its permissions, and a link stays a link', async (t) => {
  const home = temporaryHome(t);
  const [target, path] = [join(home.config, 'elsewhere.json'), join(home.config, 'config.json')];
  writeFileSync(target, '{}');
  chmodSync(target, 0o644);
  symlinkSync(target, path);
  const mode = (): number => statSync(path).mode & 0o777;
  await editConfiguration(home, [{ keys: ['slots'], value: 2 }]);
  assert.equal(mode(), 0o644);
  await editConfiguration(home, [{ keys: ['doorToken'], value: 'a long and secret word' }]);
  assert.equal(mode(), 0o600);
  assert.match(readFileSync(target, 'utf8'), /secret word/);
});

test('an error names the line and the column', async (t) => {
  const home = temporaryHome(t);
  const cases: [string, string, RegExp][] = [
    ['config.json', '{\n  "slots": 1,\n  "colour": 2 }', /config\.json:3:3: "colour" is not a setting/],
    ['config.json', '{\n  "clusters": ["a",\n "" ]\n}', /config\.json:3:2: "clusters\.1" must be/],
    ['config.json', '{\n  "aliases": {\n"gpt-4.1": 3 }\n}', /config\.json:3:1: "aliases\.gpt-4\.1" must be/],
    ['config.json', '{\n  "slots": }', /config\.json:2:12: This is not valid JSON/],
    ['config.json', '{\n  "slots": 1', /config\.json:2:13: This is not valid JSON/],
    ['config.yaml', '# x\ndoors:\n  tcp:\n    port: many\n', /config\.yaml:4:5: "doors\.tcp\.port" must be/],
    ['config.yaml', 'slots: 1\nname: [\n', /config\.yaml:\d+:\d+: This is not valid YAML/],
  ];
  for (const [name, text, message] of cases) {
    const file = { path: join(home.config, name), text };
    await assert.rejects(settingsOfFile(file), { code: 'INVALID_REQUEST', message }, text);
  }
  assert.equal(await findConfiguration(home), undefined);
  assert.equal(homeFiles(home).configurations.length, 3);
});

test('the text of a value is read as the setting demands', () => {
  const cases: [string, string[], unknown][] = [
    ['lend', ['1'], true],
    ['lend', ['friends'], ['friends']],
    ['lend', ['friends', 'family'], ['friends', 'family']],
    ['name', ['42'], '42'],
    ['slots', ['4'], 4],
    ['bootstrap', ['a:1,b:2'], ['a:1', 'b:2']],
    ['doors.donate.port', ['0'], 0],
    ['doors.qmesh', ['{}'], {}],
    ['aliases.gpt-4.1', ['tiny'], 'tiny'],
    ['clusters', ['["a"]'], ['a']],
    ['modelFolders', ['more'], [join(process.cwd(), 'more')]],
  ];
  for (const [name, texts, value] of cases) assert.deepEqual(parseValue(name, texts, {}), value, name);
  assert.equal(parseValue('model', ['./m'], { engine: 'openai' }), './m');
  const refused = (name: string, text: string, message: RegExp): void =>
    assert.throws(() => parseValue(name, [text], {}), { code: 'INVALID_REQUEST', message });
  refused('slots', '65', /^"slots" must be a whole number from 1 to 64/);
  refused('bootstrap', 'nowhere', /^"bootstrap\.0" must be "host:port"/);
  refused('colour', 'red', /^"colour" is not a setting/);
});
