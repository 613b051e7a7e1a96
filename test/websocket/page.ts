import { connect } from '@shoal/client';

/** The functions that the test calls in the page. They run in a browser, from a bundle. */
interface Heard {
  readonly texts: readonly string[];
  /** The last event: `finish` and its reason, or `error` and its code. */
  readonly end: string;
}

/** Sends a prompt to the peer at this address, and aborts it after the given number of texts. */
async function ask(address: string, prompt: string, abortAfter = Infinity): Promise<Heard> {
  const shoal = await connect({ peers: [address] });
  const texts: string[] = [];
  let end = '';
  const answer = shoal.generate({ prompt });
  for await (const event of answer) {
    if (event.type === 'text' && texts.push(event.text) === abortAfter) answer.abort();
    if (event.type === 'finish') end = `finish ${event.reason}`;
    if (event.type === 'error') end = `error ${event.error.code}`;
  }
  await shoal.close();
  return { texts, end };
}

/** The code and message of the error from `connect`. */
async function refusal(options: Parameters<typeof connect>[0]): Promise<string> {
  try {
    const shoal = await connect(options);
    await shoal.close();
    return 'connected';
  } catch (error) {
    return String(error);
  }
}

Object.assign(globalThis, { ask, refusal });
