import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isNamed } from '@shoal/protocol';

const DEMO_MODEL = 'models/demo/shoal-demo.gguf';
const DEMO_ID = 'shoal-demo';
const DEMO_NAME = 'demo';

/** The demo model, which comes with Shoal and is in no store. */
export interface DemoModel {
  readonly owner: 'demo';
  readonly name: typeof DEMO_NAME;
  readonly path: string;
  readonly paths: readonly [string];
  readonly bytes: number;
}

/** Undefined if it is not installed. */
export function demoModel(): DemoModel | undefined {
  const path = findDemoModel();
  if (path === undefined) return undefined;
  return { owner: 'demo', name: DEMO_NAME, path, paths: [path], bytes: statSync(path).size };
}

/** Returns the path of the demo model, in a checkout or in a published package. Undefined if it is not installed. */
export function findDemoModel(): string | undefined {
  const folders = [join(import.meta.dirname, '../../../..'), join(import.meta.dirname, '../..')];
  return folders.map((folder) => join(folder, DEMO_MODEL)).find((path) => existsSync(path));
}

/** True for `demo` and the id of the demo model. */
export function isDemoModel(name: string): boolean {
  return isNamed({ id: DEMO_ID }, name);
}
