/** A llama-server that answers as if it generated tokens. The first argument is the type of a model that crashes it, or empty. */
import { createServer } from 'node:http';

const [, , crashesOn = '', ...words] = process.argv;
const after = (flag: string): string => words[words.indexOf(flag) + 1] ?? '';
if (crashesOn !== '' && after('--model').includes(crashesOn)) process.kill(process.pid, 'SIGSEGV');
else createServer((_request, response) => response.end('{"tokens_predicted":4}')).listen(after('--host'));
