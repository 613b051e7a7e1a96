import { ShoalError } from '@shoal/protocol/error';

export function createDht(): never {
  throw clustersUnavailable();
}

export function createSwarm(): never {
  throw clustersUnavailable();
}

function clustersUnavailable(): ShoalError {
  return ShoalError.invalidRequest(
    'A web page cannot join clusters, which are found over UDP: give it the ws: or wss: address of a peer.',
  );
}
