/** Loses its parent process and waits for the request to end. Exit code 13 if that wait does not end. */
import { EndRequest } from '../end-request.ts';
import { createLogger } from '../log.ts';

process.disconnect?.();
await new EndRequest(createLogger('error')).wait();
process.exit(0);
