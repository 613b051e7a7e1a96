/**
 * Measures what each attack of test/hostile does to a node and to an honest client beside it.
 *
 *   node bench/hostile.ts [--rounds 3] [--json]
 */
import { ATTACKS } from '../test/hostile/attacks.ts';
import { attack, type Damage } from '../test/hostile/scenario.ts';
import { benchOptions, type Figure, median, report } from './report.ts';

const GROWTH_MIB = { atMost: 256 };
const LOOP_STOP_MS = { atMost: 50 };
const P99_QUOTIENT = { atMost: 3 };

const options = benchOptions(3);
const attacks = options.size(ATTACKS, ATTACKS.slice(0, 1));
const figures: Figure[] = [];
for (const one of attacks) {
  const damages: Damage[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    damages.push(await attack({ ...one, measureMs: options.size(5_000, 1_000) }));
  }
  const of = (read: (damage: Damage) => number): number[] => damages.map(read);
  figures.push(
    median(
      `${one.attack}: memory gained`,
      'MiB',
      of(({ grownMiB }) => grownMiB),
      GROWTH_MIB,
    ),
    median(
      `${one.attack}: longest stop of the event loop`,
      'ms',
      of(({ loopStopMs }) => loopStopMs),
      LOOP_STOP_MS,
    ),
    median(
      `${one.attack}: honest p99 without`,
      'ms',
      of(({ p99Before }) => p99Before),
    ),
    median(
      `${one.attack}: honest p99 beside ÷ without`,
      '',
      of((damage) => damage.p99During / damage.p99Before),
      P99_QUOTIENT,
    ),
  );
}
report('hostile', figures, options);
