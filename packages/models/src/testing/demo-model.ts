import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const DEMO_PATH = join(import.meta.dirname, '../../../../models/demo/shoal-demo.gguf');

/** The demo model, a real model of 3.8 MB. */
export const DEMO = readFileSync(DEMO_PATH);
