import { join } from 'node:path';

// Loaded before the tests: what one process of a run compiles, the many others need not.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../node_modules/.cache/compiled');
