export { createDht } from '@shoal/transport/dht';
export { createSwarm } from '@shoal/transport/hyperswarm';
