import { homedir } from 'node:os';
import { join } from 'node:path';
import { findLlamaServer } from '../llama-server/find.ts';

const CACHE = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
/** The build of `.ci/install-llama-server`. */
const TOOLS = join(CACHE, 'shoal-tools/llama.cpp-v0.5.0');

/** The llama-server of the tests: SHOAL_LLAMA_SERVER, else CI's build, else the one in PATH. */
export const LLAMA_SERVER = findLlamaServer({
  configured: process.env['SHOAL_LLAMA_SERVER'],
  folders: [TOOLS],
  path: process.env['PATH'],
})?.path;

export const NO_LLAMA_SERVER =
  LLAMA_SERVER === undefined
    ? 'llama-server is not installed; run .ci/install-llama-server, or set SHOAL_LLAMA_SERVER'
    : false;
