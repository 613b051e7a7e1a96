/**
 * Measures the time from `connect` to `server_info`: each round has a new client with its own DHT node and keys. The host runs
 * in another process and has already announced itself, on a DHT on loopback.
 *
 *   node bench/localllm.ts [--rounds 100] [--json]
 */
import { connectLocalLlm } from '@shoal/client/localllm';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, interleave, median, quantile, report } from './report.ts';

const options = benchOptions(100);
const WARM_UPS = options.size(3, 0);
const network = await TestNetwork.open();
const bootstrap = [network.bootstrap];
try {
  const args = ['share', '--engine', 'echo', '--json', '--bootstrap', network.bootstrap];
  const host = network.begin(network.home('host'), args);
  const [line] = await host.until(() => /^\{.*\}$/m.exec(host.stdout) ?? undefined, 'the Server ID');
  const { server_id: serverId }: { server_id: string } = JSON.parse(line);
  const { connect } = await interleave(
    { rounds: options.rounds, warmUps: WARM_UPS },
    { connect: () => round(serverId) },
  );
  const figures = [
    median('connect until server_info, p50', 'ms', connect),
    quantile(0.95, 'connect until server_info, p95', 'ms', connect, { atMost: 500 }),
  ];
  report('localllm', figures, options);
} finally {
  await network.close();
}

async function round(serverId: string): Promise<number> {
  const startedAt = performance.now();
  const host = await connectLocalLlm(serverId, { bootstrap });
  const elapsed = performance.now() - startedAt;
  await host.close();
  return elapsed;
}
