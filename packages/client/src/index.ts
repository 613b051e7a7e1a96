export type { CancelSignal } from './cancel.ts';
export { generate, type GenerateOptions } from './generate.ts';
export { Generation, type GenerationEvent, type WorkerChosen } from './generation.ts';
export { helloMessage, type Presence, type SelfDescription, VERSION } from './hello.ts';
export { MAX_CONNECTIONS, Network, type NetworkOptions } from './network.ts';
export { type Peer, peerName } from './peer.ts';
export { connect, type ConnectOptions, type GenerateInput, Shoal, toRequest } from './shoal.ts';
