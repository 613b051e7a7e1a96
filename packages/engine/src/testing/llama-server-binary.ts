import { homedir } from 'node:os';
import { join } from 'node:path';
import { findLlamaServer } from '../llama-server/find.ts';

const CACHE = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
/** Where `.ci/install-llama-server` puts its build. */
const TOOLS = join(CACHE, 'shoal-tools/llama.cpp-v0.5.0');

/** A llama-server to test with: SHOAL_LLAMA_SERVER, else CI's build, else the one in PATH. */
export const LLAMA_SERVER = findLlamaServer({
  configured: process.env['SHOAL_LLAMA_SERVER'],
  folders: [TOOLS],
  path: process.env['PATH'],
})?.path;

export const NO_LLAMA_SERVER =
  LLAMA_SERVER === undefined
    ? 'there is no llama-server; .ci/install-llama-server builds one, or set SHOAL_LLAMA_SERVER'
    : false;
