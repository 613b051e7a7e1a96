/**
 * The page docs/limits.md, made of the constants that hold the limits. `npm run docs` writes it, and a test fails if the
 * page is not what the code says.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** The limits that people meet first: each section's file and constants. */
const SECTIONS: Readonly<Record<string, readonly (readonly [file: string, ...names: string[]])[]>> = {
  'Requests and answers': [
    ['packages/protocol/src/shoal/messages.ts', 'MAX_REQUEST_BYTES'],
    ['packages/protocol/src/request-fields/messages.ts', 'MAX_MESSAGES'],
    ['packages/protocol/src/request-fields/options.ts', 'MAX_STOP_STRINGS', 'MAX_EMBED_TEXTS', 'MAX_DEADLINE_MS'],
    ['packages/protocol/src/request-fields/tools.ts', 'MAX_TOOLS'],
    ['packages/protocol/src/json-cost.ts', 'MAX_JSON_DEPTH', 'MAX_JSON_ITEMS'],
    ['packages/transport/src/link/exchange.ts', 'CONSUMER_STALL_MS'],
    ['packages/worker/src/run-request.ts', 'WANTED_STALL_MS'],
    ['packages/worker/src/admission.ts', 'UNREAD_PENALTY_MS'],
    ['packages/engine/src/model-files/model-file.ts', 'DEFAULT_CONTEXT_TOKENS'],
  ],
  'Peers and clusters': [
    ['packages/network/src/network.ts', 'MAX_CLUSTER_CONNECTIONS'],
    ['packages/client/src/discovery.ts', 'DISCOVERY_WAIT_MS'],
    ['packages/client/src/dialects/opengateway.ts', 'MAX_SILENT_MEMBERS'],
    ['packages/protocol/src/shoal/client.ts', 'WORKER_SILENT_MS', 'QUEUE_POSITIONS_MAX'],
    [
      'packages/client/src/pace.ts',
      'FIRST_TOKEN_TIMEOUT_MS',
      'WARM_FIRST_TOKEN_TIMEOUT_MS',
      'TOKEN_GAP_TIMEOUT_MS',
      'HIDDEN_TIMEOUT_MS',
      'QUEUE_PLACE_TIMEOUT_MS',
    ],
    ['packages/worker/src/admission.ts', 'POSITION_INTERVAL_MS'],
    ['packages/protocol/src/shoal/session.ts', 'HELLO_TIMEOUT_MS', 'STATUS_INTERVAL_MS'],
    ['packages/network/src/direct-peers.ts', 'DIAL_TIMEOUT_MS', 'REDIAL_MAX_MS'],
    [
      'packages/transport/src/seats.ts',
      'CONNECTIONS_PER_ADDRESS_MAX',
      'MINIMUM_STAY_MS',
      'EVICTED_WAIT_MS',
      'WAITING_MAX',
    ],
    ['packages/protocol/src/opengateway/topics.ts', 'MAX_CLUSTER_ID_BYTES'],
    ['packages/protocol/src/peer-text.ts', 'MAX_PEER_NAME_LENGTH', 'MAX_PEER_ERROR_LENGTH'],
    ['packages/protocol/src/opengateway/messages.ts', 'MAX_HELLO_ITEMS'],
  ],
  'Other doors': [
    ['packages/network/src/door.ts', 'MAX_DOOR_CONNECTIONS', 'PENDING_HELLOS_MAX'],
    ['packages/worker/src/doors/donate/door.ts', 'MAX_DONATE_CONNECTIONS'],
    ['packages/worker/src/doors/qmesh/door.ts', 'MAX_QMESH_CLIENTS'],
    ['packages/protocol/src/opengateway/messages.ts', 'MAX_MESSAGE_BYTES'],
    ['packages/protocol/src/opengateway/client.ts', 'RESPONSE_TIMEOUT_MS'],
    ['packages/protocol/src/qmesh/messages.ts', 'MAX_FRAME_BYTES', 'MAX_PROMPT_BYTES'],
    ['packages/protocol/src/qmesh/client.ts', 'ANSWER_TIMEOUT_MS'],
    ['packages/protocol/src/localllm/messages.ts', 'MAX_CLIENTS', 'MAX_PROMPT_BYTES'],
    ['packages/client/src/dialects/localllm-search.ts', 'HOST_SEARCH_MS'],
    [
      'packages/protocol/src/donate/messages.ts',
      'MAX_FRAME_BYTES',
      'MAX_WEIGHTS_BYTES',
      'MAX_JOB_BYTES',
      'MAX_RESULT_BYTES',
    ],
    ['packages/protocol/src/donate/upload.ts', 'UPLOAD_IDLE_MS', 'UPLOAD_LEAST_BYTES_PER_SECOND'],
    ['packages/worker/src/doors/donate/storage-quota.ts', 'STORAGE_QUOTA_BYTES', 'FIRST_STEP_BYTES'],
    ['packages/worker/src/doors/donate/uploads.ts', 'PUSHED_KEEP_ALIVE_MS'],
  ],
  'JSON schemas': [
    ['packages/chat/src/grammar/schema-writer.ts', 'MAX_SCHEMAS_READ', 'MAX_SCHEMA_DEPTH'],
    ['packages/chat/src/grammar/object-rule.ts', 'MAX_PROPERTIES'],
    ['packages/chat/src/grammar/constants.ts', 'MAX_CONSTANTS'],
    [
      'packages/chat/src/grammar/grammar-builder.ts',
      'MAX_LITERAL_BYTES',
      'MAX_ALTERNATIVES',
      'MAX_RULES',
      'MAX_REPETITIONS',
      'MAX_GRAMMAR_BYTES',
    ],
    ['packages/chat/src/grammar/readings.ts', 'MAX_READINGS'],
    ['packages/chat/src/grammar/pattern.ts', 'MAX_PATTERN_CHARS', 'MAX_PATTERN_DEPTH', 'MAX_PATTERN_CHOICES'],
  ],
  'The node and its local API': [
    ['apps/node/src/daemon.ts', 'DRAIN_MS'],
    ['apps/node/src/api.ts', 'API_BODY_LIMIT_BYTES'],
    ['packages/formats/src/openai/call-options.ts', 'MAX_CHOICES'],
    ['packages/formats/src/model-names.ts', 'MAX_MODELS'],
    ['apps/node/src/http/responses-store.ts', 'MAX_RESPONSES'],
    ['apps/node/src/http/call/answer-call.ts', 'HEADERS_WAIT_MS', 'KEEP_ALIVE_MS'],
    ['apps/node/src/http/server.ts', 'BODY_TIMEOUT_MS', 'MAX_CONNECTIONS'],
    ['packages/host/src/home/api-tokens.ts', 'TOKENS_MAX'],
    ['apps/cli/src/commands/life-cycle/start.ts', 'START_TIMEOUT_MS'],
    ['packages/host/src/log-file.ts', 'MAX_LOG_BYTES'],
    ['packages/host/src/counted-log.ts', 'COUNT_WINDOW_MS', 'MAX_COUNTED_SOURCES'],
    ['apps/cli/src/commands/life-cycle/stop.ts', 'STOP_TIMEOUT_MS'],
  ],
  'Models and batches': [
    ['packages/files/src/disk-space.ts', 'RESERVE_BYTES'],
    ['packages/engine/src/child-process/silence-watch.ts', 'ENGINE_SILENT_MS'],
    ['packages/models/src/gguf/window.ts', 'MAX_HEADER_BYTES'],
    ['packages/models/src/download/http.ts', 'SILENCE_TIMEOUT_MS', 'MAX_REDIRECTS'],
    ['packages/models/src/download/transfer.ts', 'MAX_UNSIZED_BYTES'],
    ['packages/models/src/sources/split.ts', 'MAX_PARTS'],
    ['packages/client/src/batch/capacity.ts', 'MAX_IN_FLIGHT'],
    ['apps/cli/src/batch/input.ts', 'MAX_LINE_BYTES'],
  ],
  'Chat templates': [
    [
      'packages/engine-llama/src/template/renderer.ts',
      'TEMPLATE_MEMORY_BYTES',
      'TEMPLATE_LIMIT_MS',
      'MAX_TEMPLATE_CHARS',
      'MAX_PROMPT_CHARS',
    ],
  ],
};

const HEAD = `# Limits

The limits that people meet first. Their values and descriptions are those of the constants in the code, from which
\`npm run docs\` makes this page. Every other limit is a constant at the top of its file too, with its unit in its name. The
limits of settings are in [settings.md](settings.md).
`;

/** Returns the text of docs/limits.md. Throws for a constant that does not exist, has no docstring or no number. */
export function limitsPage(): string {
  const sections = Object.entries(SECTIONS).map(([title, files]) => {
    const rows = files.flatMap(([file, ...names]) => {
      const text = readFileSync(join(ROOT, file), 'utf8');
      return names.map((name) => [
        `[\`${name}\`](../${file})`,
        shown(name, valueOf(text, name)),
        descriptionOf(text, name),
      ]);
    });
    return `## ${title}\n\n${table([['constant', 'value', 'description'], ...rows])}`;
  });
  return [HEAD, ...sections].join('\n');
}

function table([header = [], ...rows]: readonly string[][]): string {
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |\n`;
  return [
    line(header, ' '),
    line(
      header.map(() => ''),
      '-',
    ),
    ...rows.map((row) => line(row, ' ')),
  ].join('');
}

/** Evaluates a constant that is a number, a sum or product of numbers, or refers to another constant of its file. */
function valueOf(text: string, name: string): number {
  const source = new RegExp(`^(?:export )?const ${name}(?:: [^=]+)? =\\s+([^;]+);`, 'm').exec(text)?.[1];
  if (source === undefined) throw new Error(`There is no constant ${name}. Correct the list in scripts/limits.ts.`);
  return source.split(/\s\+\s/).reduce((sum, term) => sum + productOf(text, term), 0);
}

function productOf(text: string, term: string): number {
  return term.split(/\s\*\s/).reduce((product, factor) => {
    const [base = '', exponent = '1'] = factor.trim().split(/\s\*\*\s/);
    const value = /^\d|^0x/.test(base) ? Number(base.replaceAll('_', '')) : valueOf(text, base);
    return product * value ** Number(exponent);
  }, 1);
}

/** Returns the docstring above a constant as one line. */
function descriptionOf(text: string, name: string): string {
  const docstring = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\n(?:export )?const ${name}\\b`).exec(text)?.[1];
  if (docstring === undefined) throw new Error(`${name} has no docstring, which docs/limits.md shows.`);
  return docstring
    .replace(/^\s*\*/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Writes a value with the unit that the constant's name ends with or begins with. */
function shown(name: string, value: number): string {
  if (name.includes('_MS')) return duration(value);
  if (name.includes('_BYTES')) return size(value);
  return value.toLocaleString('en');
}

function duration(ms: number): string {
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000} min`;
  return ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`;
}

function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.floor(Math.log2(bytes) / 10);
  return `${Number((bytes / 1024 ** power).toFixed(2))} ${units[power]}`;
}
