import type { StatusView } from '@shoal/node/api';
import { columns, count } from '../terminal/output.ts';

/** A lower health is explained. QMesh calls such a node busy. */
const LOW_HEALTH = 60;

type HealthPart = StatusView['healthParts'][number];
type Totals = StatusView['requests']['lastHour']['peers'];

/** The reason why a part of the health is low, and how to raise it. */
const ADVICE: Readonly<Record<HealthPart['name'], string>> = {
  processor: 'other programs or running answers use it; fewer --slots leave more for each answer',
  memory: 'a smaller model or context uses less; --keep-alive unloads unused models sooner',
  queue: 'more requests wait than this machine answers; --slots and --queue set the limits',
};

/** The row that explains a low health. */
export function healthRows({ health, healthParts }: StatusView): [string, string][] {
  const worst = health < LOW_HEALTH ? worstPart(healthParts) : undefined;
  return worst === undefined
    ? []
    : [['health', `low, mostly because of the ${worst.name}; see "shoal status --health"`]];
}

/** The parts of the score of `shoal status --health`. */
export function healthLines({ health, healthParts }: StatusView): string[] {
  const points = (number: number): string => String(Math.round(number));
  const rows = healthParts.map(({ name, usedPercent, points: own, mostPoints }) => [
    name,
    `${points(usedPercent)} % used`,
    `${points(own)} of ${mostPoints} points`,
    usedPercent > 50 ? ADVICE[name] : '',
  ]);
  return [`health ${points(health)} of 100`, ...columns(rows)];
}

/** The rows of the requests of the last hour and day. */
export function requestRows({ requests: { lastHour, lastDay } }: StatusView): [string, string][] {
  const periods = Object.entries({ 'last hour': lastHour, 'last day': lastDay });
  return periods.map(([name, { peers, programs }]) => {
    const parts = [totalsText('peers', peers), totalsText('programs', programs)].filter((text) => text !== '');
    return [name, parts.join('; ') || 'no requests'];
  });
}

/** `peers: 12 answered, 1 failed, 3456 tokens`, without what is 0. */
function totalsText(whom: string, { answered, tokens, ...others }: Totals): string {
  const some = Object.entries(others).filter(([, number]) => number > 0);
  if (answered === 0 && some.length === 0) return '';
  const parts = [`${answered} answered`, ...some.map(([what, number]) => `${number} ${what}`), count(tokens, 'token')];
  return `${whom}: ${parts.join(', ')}`;
}

function worstPart(parts: readonly HealthPart[]): HealthPart | undefined {
  const lost = ({ mostPoints, points }: HealthPart): number => mostPoints - points;
  return parts.toSorted((one, other) => lost(other) - lost(one))[0];
}
