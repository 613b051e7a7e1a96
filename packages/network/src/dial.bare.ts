import { ShoalError } from '@shoal/protocol/error';
import type { PeerAddress } from './peer-address.ts';

/** Throws `INVALID_REQUEST`: Bare has neither TCP nor WebSocket connections here. */
export function checkDialable(address: PeerAddress): void {
  throw ShoalError.invalidRequest(`${address.text} cannot be dialled in Bare: join a cluster instead.`);
}

export function dial(address: PeerAddress): Promise<never> {
  return Promise.reject(new ShoalError('CONNECT_FAILED', `${address.text} cannot be dialled in Bare.`));
}
