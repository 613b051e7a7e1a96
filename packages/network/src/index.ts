export { createDht } from '#swarm';
export { helloMessage, type Presence, type SelfDescription, VERSION } from './hello.ts';
export { Network, type NetworkOptions } from './network.ts';
export { type Peer, peerName, type Privacy, privacyOf } from './peer.ts';
