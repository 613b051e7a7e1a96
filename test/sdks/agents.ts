import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Program } from '../harness/program.ts';
import type { TestNetwork } from '../harness/test-network.ts';
import { SCRIPTED_MODEL } from './scripted-engine.ts';

/** A coding agent and how it is run: one prompt, no terminal, a fresh home, nothing but the node at hand. */
export interface Agent {
  /** The name of its folder and of its command. */
  readonly name: string;
  readonly flags: (prompt: string) => readonly string[];
  readonly environment: (baseUrl: string) => Readonly<Record<string, string>>;
  /** The configuration file, with its path in the home. */
  readonly file?: ((baseUrl: string) => readonly [path: string, text: string]) | undefined;
  /** Its message about a prompt that is longer than the window. */
  readonly overflow: RegExp;
}

/** As they leave no key empty. The node ignores it. */
const KEY = 'shoal-local';
/** Tokens of an answer that an agent may ask for. */
const OUTPUT_TOKENS = 4_096;
/** No agent has anything to say to other machines: what tries to, fails at once. */
const OFFLINE = {
  HTTP_PROXY: 'http://127.0.0.1:1',
  HTTPS_PROXY: 'http://127.0.0.1:1',
  http_proxy: 'http://127.0.0.1:1',
  https_proxy: 'http://127.0.0.1:1',
  NO_PROXY: '127.0.0.1,localhost',
  no_proxy: '127.0.0.1,localhost',
};

export const AGENTS: readonly Agent[] = [
  {
    name: 'claude',
    flags: (prompt) => [
      '-p',
      prompt,
      '--model',
      SCRIPTED_MODEL.id,
      '--allowedTools',
      'Bash',
      '--output-format',
      'json',
    ],
    environment: (baseUrl) => ({
      ANTHROPIC_BASE_URL: baseUrl,
      ANTHROPIC_API_KEY: KEY,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
    }),
    overflow: /"terminal_reason":"prompt_too_long"/,
  },
  {
    name: 'codex',
    flags: (prompt) => [
      'exec',
      '--json',
      '--skip-git-repo-check',
      '--dangerously-bypass-approvals-and-sandbox',
      prompt,
    ],
    environment: () => ({}),
    file: (baseUrl) => [
      '.codex/config.toml',
      [
        `model = "${SCRIPTED_MODEL.id}"`,
        'model_provider = "shoal"',
        `model_context_window = ${SCRIPTED_MODEL.contextLength}`,
        '[model_providers.shoal]',
        'name = "Shoal"',
        `base_url = "${baseUrl}/v1"`,
        'wire_api = "responses"',
      ].join('\n'),
    ],
    overflow: /ran out of room in the model's context window/,
  },
  {
    name: 'opencode',
    flags: (prompt) => ['run', '--format', 'json', prompt],
    environment: () => ({
      npm_config_offline: 'true',
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    }),
    file: (baseUrl) => [
      '.config/opencode/opencode.json',
      JSON.stringify({
        autoupdate: false,
        share: 'disabled',
        model: `shoal/${SCRIPTED_MODEL.id}`,
        small_model: `shoal/${SCRIPTED_MODEL.id}`,
        provider: {
          shoal: {
            npm: '@ai-sdk/openai-compatible',
            name: 'Shoal',
            options: { baseURL: `${baseUrl}/v1`, apiKey: KEY },
            models: {
              [SCRIPTED_MODEL.id]: {
                name: 'Scripted',
                limit: { context: SCRIPTED_MODEL.contextLength, output: OUTPUT_TOKENS },
              },
            },
          },
        },
      }),
    ],
    overflow: /ContextOverflowError/,
  },
  {
    name: 'qwen',
    flags: (prompt) => ['-p', prompt, '--yolo'],
    environment: (baseUrl) => ({
      OPENAI_BASE_URL: `${baseUrl}/v1`,
      OPENAI_API_KEY: KEY,
      OPENAI_MODEL: SCRIPTED_MODEL.id,
    }),
    overflow: /API Error: 400/,
  },
];

/** The file in the agent's working folder, and its content, which only a tool can know. */
export const NOTE = { name: 'note.txt', text: `note-${randomBytes(8).toString('hex')}` };

/** Starts an agent in a fresh home and an empty working folder with the note. `folder` is where it is installed. */
export function startAgent(
  network: TestNetwork,
  agent: Agent,
  folder: string,
  baseUrl: string,
  prompt: string,
): Program {
  mkdirSync(network.home(''), { recursive: true });
  const home = mkdtempSync(network.home(`${agent.name}-`));
  const work = join(home, 'work');
  mkdirSync(work);
  writeFileSync(join(work, NOTE.name), NOTE.text);
  const [path, text] = agent.file?.(baseUrl) ?? [];
  if (path !== undefined && text !== undefined) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  }
  const variables = {
    ...OFFLINE,
    ...agent.environment(baseUrl),
    HOME: home,
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
  };
  const program = network.run({
    name: agent.name,
    interpreter: 'env',
    command: [
      '-i',
      ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      join(folder, 'node_modules/.bin', agent.name),
      ...agent.flags(prompt),
    ],
    folder: work,
  });
  program.endInput();
  return program;
}
