import { fileURLToPath } from 'node:url';

/** The file that starts `shoal`, for processes of our own. */
export const LAUNCHER = fileURLToPath(new URL('../../bin/shoal.js', import.meta.url));
