/** Error responses, with texts of OpenAI, vLLM and llama-server; one repeats the key. */
export const REFUSALS = {
  'wrong key': { status: 401, error: { message: 'Incorrect API key provided: sk-secret', code: 'invalid_api_key' } },
  forbidden: { status: 403, error: { message: 'Country of /home/dan/secret not supported' } },
  'model unloaded': { status: 404, error: { message: 'The model `parrot` does not exist', code: 'model_not_found' } },
  'no such path': { status: 404, error: { message: 'File Not Found at /home/dan/secret', type: 'not_found_error' } },
  'not supported': {
    status: 501,
    error: { message: 'This server does not support it: secret', type: 'not_supported' },
  },
  'prompt too long': { status: 400, error: { message: 'secret', code: 'context_length_exceeded' } },
  'prompt too long for llama-server': { status: 400, error: { message: 'secret', type: 'exceed_context_size_error' } },
  'prompt too long for vLLM': {
    status: 400,
    error: { message: "This model's maximum context length is 16 tokens. However, you requested secret" },
  },
  'bad request': { status: 400, error: { message: 'Invalid value at /home/dan/secret' } },
  unprocessable: { status: 422, error: { message: 'secret' } },
  'too many requests': { status: 429, error: { message: 'Rate limit of org-secret' } },
  loading: { status: 503, error: { message: 'Loading model secret', type: 'unavailable_error' } },
  failure: { status: 500, error: { message: 'CUDA error at /home/dan/secret' } },
  redirect: { status: 307, error: { message: 'to secret' } },
} as const;

/** The end of a stream after a few words. */
export const LAST_EVENTS = {
  'end without a reason': '',
  'error in mid-stream': 'data: {"error":{"message":"CUDA error at /home/dan/secret","code":500}}\n\n',
  'vLLM’s error in mid-stream': 'data: {"object":"error","message":"secret","code":500}\n\n',
  'context full in mid-stream': 'data: {"error":{"message":"secret","code":"context_length_exceeded"}}\n\n',
  'garbage event': 'data: {"choices":[{"delta":{"con\n\n',
  'filtered answer': 'data: {"choices":[{"delta":{},"finish_reason":"content_filter"}]}\n\ndata: [DONE]\n\n',
  'unknown reason': 'data: {"choices":[{"delta":{},"finish_reason":"abort"}]}\n\ndata: [DONE]\n\n',
} as const;

/** A fault of all answers. */
export type OpenAiFault =
  | keyof typeof REFUSALS
  | keyof typeof LAST_EVENTS
  | 'silent from the start'
  | 'silent in mid-stream'
  | 'cut in mid-stream'
  | 'endless line';
