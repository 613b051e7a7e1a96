import { connect } from '@shoal/client';

/** What the test calls in the page. It runs in a browser, from a bundle. */
interface Heard {
  readonly texts: readonly string[];
  /** The last event: `finish` and its reason, or `error` and its code. */
  readonly end: string;
}

/** Asks the peer at this address; after so many texts it takes the request back. */
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

/** The code and words with which `connect` refuses. */
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
