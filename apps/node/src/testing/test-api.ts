import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { ModelLibrary } from '@shoal/host/models/library';
import { locateHome } from '@shoal/host/home';
import { type Api, type ApiOptions, openApi } from '../http/http.ts';
import { RequestLog } from '../requests/request-log.ts';
import { FakeNode } from './fake-node.ts';

/** The daemon's own token of a test API. */
export const TEST_TOKEN = 'ab'.repeat(32);

export interface TestApi {
  readonly api: Api;
  readonly node: FakeNode;
  /** Resolves after a stop request. */
  readonly stopped: Promise<void>;
}

/** Opens an API on a free port for a node without a network, until the test ends. `prepare` changes the node before it serves. */
export async function openTestApi(
  t: TestContext,
  options: Partial<ApiOptions> = {},
  prepare: (node: FakeNode) => void = () => {},
): Promise<TestApi> {
  const stop = Promise.withResolvers<void>();
  const api = await openApi({ ...testApiOptions(), onStop: stop.resolve, ...options });
  t.after(() => api.close());
  const node = new FakeNode();
  prepare(node);
  api.serve(node);
  return { api, node, stopped: stop.promise };
}

/** The options of an API without tokens and stored models. */
export function testApiOptions(): ApiOptions {
  return {
    settings: { host: '127.0.0.1', port: 0, apiHosts: [], apiOrigins: [], aliases: {} },
    token: TEST_TOKEN,
    tokens: { find: () => undefined },
    library: new ModelLibrary(locateHome({ SHOAL_HOME: '/nonexistent' }), []),
    requests: new RequestLog(),
    log: pino({ enabled: false }),
    onStop: () => undefined,
  };
}
