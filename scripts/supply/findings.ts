import { isObject, type JsonObject } from '@shoal/protocol/json';

/** Something about a dependency that fails the check unless it is named in exceptions.ts. */
export interface Finding {
  /** `integrity`, `licence` or `audit`, and what it is about: `licence left-pad@1.0.0`. */
  readonly id: string;
  readonly what: string;
}

/** An archive of the registry that package-lock.json names. */
export interface LockedPackage {
  /** `name@version`. */
  readonly id: string;
  readonly licence: string | undefined;
  readonly integrity: string | undefined;
}

/** Licences that allow to use, change and pass on the code, with a notice. */
const LICENCES: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
]);

/** Returns what a package-lock.json installs from a registry. */
export function lockedPackages(lock: JsonObject): readonly LockedPackage[] {
  const packages = isObject(lock['packages']) ? lock['packages'] : {};
  return Object.entries(packages).flatMap(([path, entry]) => {
    const at = path.lastIndexOf('node_modules/');
    if (at === -1 || !isObject(entry) || entry['link'] === true) return [];
    const name = textOf(entry['name']) ?? path.slice(at + 'node_modules/'.length);
    return [
      {
        id: `${name}@${textOf(entry['version']) ?? '?'}`,
        licence: textOf(entry['license']),
        integrity: textOf(entry['integrity']),
      },
    ];
  });
}

/** Returns the packages without a SHA-512, which npm would install whatever the registry sends, and those of other licences. */
export function lockFindings(packages: readonly LockedPackage[]): readonly Finding[] {
  return packages.flatMap(({ id, licence, integrity }) => [
    ...(integrity?.startsWith('sha512-') === true
      ? []
      : [{ id: `integrity ${id}`, what: 'package-lock.json has no SHA-512 of it' }]),
    ...(isAllowed(licence) ? [] : [{ id: `licence ${id}`, what: `its licence is ${licence ?? 'not named'}` }]),
  ]);
}

/** Returns the advisories of a report of `npm audit --json`. Undefined if the registry gave none: npm reports that as an error. */
export function auditFindings(report: JsonObject): readonly Finding[] | undefined {
  const { vulnerabilities } = report;
  if (!isObject(vulnerabilities)) return undefined;
  const found = new Map<string, Finding>();
  for (const [name, vulnerability] of Object.entries(vulnerabilities)) {
    const causes: readonly unknown[] =
      isObject(vulnerability) && Array.isArray(vulnerability['via']) ? vulnerability['via'] : [];
    // A cause that is a text is another package of the report.
    for (const cause of causes.filter(isObject)) {
      const advisory = textOf(cause['url'])?.split('/').at(-1) ?? String(cause['source']);
      const id = `audit ${advisory}`;
      found.set(id, { id, what: `${name}: ${textOf(cause['title']) ?? ''} (${textOf(cause['severity']) ?? '?'})` });
    }
  }
  return [...found.values()];
}

function isAllowed(licence: string | undefined): boolean {
  const choices = licence?.replace(/^\((.*)\)$/, '$1').split(' OR ') ?? [];
  return choices.some((choice) => choice.split(' AND ').every((one) => LICENCES.has(one)));
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
