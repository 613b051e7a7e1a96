import type { JsonObject } from '../json.ts';
import { readHello as readOpenGatewayHello } from '../opengateway/messages.ts';
import type { PeerInfo } from '../session.ts';
import { type HelloMessage, modelInfo } from './messages.ts';

/** Who an OpenGateway peer says that it is. */
export function openGatewayPeer(message: JsonObject): PeerInfo {
  const hello = readOpenGatewayHello(message);
  return {
    dialect: 'opengateway',
    name: hello.node_name,
    clusters: hello.clusters,
    models: hello.supported_models.map((id) => ({ id })),
  };
}

/** The same for a peer of this dialect. */
export function shoalPeer(hello: HelloMessage): PeerInfo {
  return {
    dialect: 'shoal',
    name: hello.node_name,
    id: hello.peer_id,
    clusters: hello.clusters,
    models: hello.models.map(modelInfo),
    lends: hello.roles.includes('worker'),
    ...(hello.capacity === undefined ? {} : { capacity: hello.capacity }),
  };
}
