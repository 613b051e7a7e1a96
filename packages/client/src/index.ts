export type { CancelSignal } from './cancel.ts';
export { generate, type GenerateOptions } from './generate.ts';
export { Generation, type GenerationEvent, type WorkerChosen } from './generation.ts';
export { helloMessage, type Presence, type SelfDescription, VERSION } from '@shoal/network/hello';
export { MAX_CONNECTIONS, Network, type NetworkOptions } from '@shoal/network';
export { type Peer, peerName } from '@shoal/network/peer';
export { connect, type ConnectOptions, type GenerateInput, Shoal, toRequest } from './shoal.ts';
