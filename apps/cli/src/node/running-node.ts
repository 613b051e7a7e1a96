import type { Home } from '@shoal/host/home';
import { API_PATHS, type StatusView } from '@shoal/node/api';
import { EXIT, exitCodeOf } from '../cli-error.ts';
import { callNode } from './api-client.ts';

/** Returns the status of the home's node. Undefined if none runs. */
export async function runningNode(home: Home): Promise<StatusView | undefined> {
  try {
    return await callNode<StatusView>(home, 'GET', API_PATHS.status);
  } catch (error) {
    if (exitCodeOf(error) === EXIT.notRunning) return undefined;
    throw error;
  }
}
