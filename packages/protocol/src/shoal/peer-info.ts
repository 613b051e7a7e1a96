import type { JsonObject } from '../json.ts';
import { readHello as readOpenGatewayHello } from '../opengateway/messages.ts';
import type { PeerInfo } from '../session.ts';
import { type HelloMessage, modelInfo } from './messages.ts';

/** Returns the description in an OpenGateway hello. */
export function openGatewayPeer(message: JsonObject): PeerInfo {
  const hello = readOpenGatewayHello(message);
  return {
    dialect: 'opengateway',
    name: hello.node_name,
    clusters: hello.clusters,
    models: hello.supported_models.map((id) => ({ id })),
  };
}

/** Returns the description in a `shoal/1` hello. */
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
