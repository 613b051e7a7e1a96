/** Loses its parent and waits for the wish to end; a wait without an end is exit code 13. */
import { EndRequest } from '../end-request.ts';
import { createLogger } from '../log.ts';

process.disconnect?.();
await new EndRequest(createLogger('error')).wait();
process.exit(0);
