/**
 * Measures the time from the start of a QMesh client until it knows all 50 workers, which have already announced themselves,
 * on a DHT of ten nodes on loopback. All run in this process. Every round has its own client and DHT node.
 *
 *   node bench/qmesh-fifty.ts [--rounds 20] [--json]
 */
import { connectQmesh } from '@shoal/client/qmesh';
import { Pool } from '../test/qmesh/pool.ts';
import { benchOptions, median, quantile, report } from './report.ts';

const options = benchOptions(20);
const WORKERS = options.size(50, 5);
const first: number[] = [];
const all: number[] = [];
const pool = await Pool.open({ workers: WORKERS, dhtNodes: 10, wordsPerSecond: 20 });
try {
  for (let round = 0; round < options.rounds; round++) await meetAll();
  const figures = [
    median('client start until the first worker is known', 'ms', first),
    median(`client start until all ${WORKERS} are known`, 'ms', all, { atMost: 5_000 }),
    quantile(1, 'the slowest of them', 'ms', all, { atMost: 5_000 }),
  ];
  report('qmesh-fifty', figures, options);
} finally {
  await pool.close();
}

async function meetAll(): Promise<void> {
  const startedAt = performance.now();
  const qmesh = await connectQmesh({ bootstrap: pool.bootstrap });
  try {
    await new Promise<void>((resolve) => {
      let isFirst = true;
      qmesh.onChange(() => {
        const known = qmesh.workers().length;
        if (isFirst && known > 0) {
          isFirst = false;
          first.push(performance.now() - startedAt);
        }
        if (known === WORKERS) resolve();
      });
    });
    all.push(performance.now() - startedAt);
  } finally {
    await qmesh.close();
  }
}
