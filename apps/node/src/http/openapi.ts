import { z } from 'zod';
import { VERSION } from '@shoal/network';
import { ERROR_CODES } from '@shoal/protocol/error';
import { errorAnswer } from '../api/schemas.ts';
import { CONTROL_CALLS, type ControlCall } from './control-calls.ts';
import { STATUS_OF } from './http-error.ts';
import type { NeededScope } from './routes/context.ts';

type Json = Readonly<Record<string, unknown>>;

const COMPONENTS = '#/components/schemas/';
const JSON_TYPE = 'application/json';
const NDJSON_TYPE = 'application/x-ndjson';

const ABOUT = `Controls one Shoal node: what the command line \`shoal\` uses.

The same port serves the APIs of OpenAI (\`/v1/…\`), Ollama (\`/api/…\`) and Anthropic (\`/v1/messages\`), for programs that speak
those. They are described by their makers; the tags link to the descriptions. Health and metrics are at \`/livez\`, \`/readyz\` and
\`/metrics\`.

While the node listens on a loopback address, programs of its machine need no token for the scopes \`infer\` and \`read\`.
\`shoal token create\` makes tokens. Web pages of other origins are refused unless \`apiOrigins\` allows them.`;

const TAGS = [
  { name: 'control', description: 'The calls of this document.' },
  otherApi('OpenAI', 'https://platform.openai.com/docs/api-reference'),
  otherApi('Ollama', 'https://docs.ollama.com/api'),
  otherApi('Anthropic', 'https://docs.anthropic.com/en/api/messages'),
];

/** The refusals of every call. Those that carry a body can have more. */
const REFUSALS = {
  400: 'The request is not valid.',
  401: 'The call needs a token with its scope.',
  403: 'The token lacks the scope, or the Host or the Origin of the call is not accepted.',
  429: 'The token has sent too many requests in this minute. `Retry-After` tells when to try again.',
  503: 'The node is starting or stopping. `Retry-After` tells when to try again.',
} as const;
const BODY_REFUSALS = {
  413: 'The body is too large.',
  415: 'The content type is not application/json, or the content encoding is unknown.',
} as const;

let document: Json | undefined;

/** Returns the OpenAPI 3.1 document of the control API. It is made at the first call. */
export function openApiDocument(): Json {
  document ??= createDocument();
  return document;
}

function createDocument(): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, call] of Object.entries<ControlCall>(CONTROL_CALLS)) {
    (paths[call.path] ??= {})[call.method.toLowerCase()] = operation(name, call);
  }
  return {
    openapi: '3.1.1',
    info: { title: 'Shoal', version: VERSION, description: ABOUT, license: { name: 'MIT', identifier: 'MIT' } },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    servers: [{ url: '/', description: 'The node that serves this document.' }],
    tags: TAGS,
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token of `shoal token create`.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The same token in another header.' },
      },
    },
  };
}

function operation(name: string, call: ControlCall): Json {
  const { scope, about, query, body } = call;
  return {
    operationId: name,
    summary: about,
    ...(scope !== 'none' && { description: `Needs the scope \`${scope}\`.` }),
    tags: ['control'],
    security: securityOf(scope),
    ...(query !== undefined && { parameters: parametersOf(query) }),
    ...(body !== undefined && { requestBody: { required: true, content: contentOf(JSON_TYPE, body) } }),
    responses: responsesOf(call),
  };
}

/** An empty requirement means that no token may be needed. */
function securityOf(scope: NeededScope): readonly Json[] {
  switch (scope) {
    case 'none':
      return [];
    case 'infer':
    case 'read':
      return [{ bearer: [scope] }, { apiKey: [scope] }, {}];
    case 'admin':
      return [{ bearer: [scope] }, { apiKey: [scope] }];
    default:
      return scope satisfies never;
  }
}

function parametersOf(query: z.ZodObject): readonly Json[] {
  const { properties = {}, required = [] } = inlineSchema(query);
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function responsesOf({ scope, answer, body, isStream = false }: ControlCall): Json {
  const refusals: Record<string, string> =
    scope === 'none' ? {} : { ...REFUSALS, ...(body !== undefined && BODY_REFUSALS) };
  const failures = isStream ? failuresByStatus() : {};
  const statuses = [...new Set([...Object.keys(refusals), ...Object.keys(failures)])].toSorted();
  const errors = statuses.map((status) => [
    status,
    {
      description: [refusals[status], failures[status]].filter((text) => text !== undefined).join(' '),
      content: {
        ...(status in refusals && contentOf(JSON_TYPE, errorAnswer)),
        ...(status in failures && contentOf(NDJSON_TYPE, answer)),
      },
    },
  ]);
  const type = isStream ? NDJSON_TYPE : JSON_TYPE;
  const description = isStream ? 'One JSON object per line. The schema is that of a line.' : 'The call has succeeded.';
  return {
    200: { description, content: contentOf(type, answer) },
    ...Object.fromEntries(errors),
    default: { description: 'The call has failed.', content: contentOf(JSON_TYPE, errorAnswer) },
  };
}

/** The statuses of an answer that fails before its first line. It has one line then, of type `error`. */
function failuresByStatus(): Readonly<Record<string, string>> {
  const statuses = Object.groupBy(ERROR_CODES, (code) => STATUS_OF[code]);
  return Object.fromEntries(
    Object.entries(statuses).map(([status, codes = []]) => [
      status,
      `Failed before the first line: ${codes.join(', ')}.`,
    ]),
  );
}

function contentOf(type: string, schema: z.ZodType): Json {
  const id = z.globalRegistry.get(schema)?.id;
  return { [type]: { schema: id === undefined ? inlineSchema(schema) : { $ref: `${COMPONENTS}${id}` } } };
}

/** The schemas that have an id. */
function componentSchemas(): Json {
  const uri = (id: string): string => `${COMPONENTS}${id}`;
  const { schemas } = z.toJSONSchema(z.globalRegistry, { uri, io: 'input', override: dropPattern });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, embedded(schema)]));
}

function inlineSchema(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  return embedded(z.toJSONSchema(schema, { io: 'input' }));
}

/** Returns a schema without the names that it has on its own, because it is part of a document. */
function embedded(schema: z.core.JSONSchema.BaseSchema): z.core.JSONSchema.BaseSchema {
  const { $schema: _schema, $id: _id, ...rest } = schema;
  return rest;
}

/** The format of a time says the same as its pattern, which is long. */
function dropPattern({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
}

function otherApi(name: string, url: string): Json {
  return { name, description: `The API of ${name} is on the same port.`, externalDocs: { url } };
}
