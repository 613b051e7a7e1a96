/** A llama-server that answers as if it generated tokens. The environment variable is the type of a model that crashes it. */
import { createServer } from 'node:http';

const words = process.argv.slice(2);
const after = (flag: string): string => words[words.indexOf(flag) + 1] ?? '';
const crashesOn = process.env['FAKE_CRASHES_ON'] ?? '';
if (crashesOn !== '' && after('--model').includes(crashesOn)) process.kill(process.pid, 'SIGSEGV');
else createServer((_request, response) => response.end('{"tokens_predicted":4}')).listen(after('--host'));
