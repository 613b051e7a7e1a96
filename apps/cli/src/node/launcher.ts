import { fileURLToPath } from 'node:url';

/** Path of the file that starts `shoal`, for child processes. */
export const LAUNCHER = fileURLToPath(new URL('../../bin/shoal.js', import.meta.url));
