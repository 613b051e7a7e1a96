import { join } from 'node:path';

// Loaded before the tests, so that the processes of a run share compiled code.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../node_modules/.cache/compiled');
