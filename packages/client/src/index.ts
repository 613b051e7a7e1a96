export { AUTO_MODEL, chooseModel, type ModelChoice } from './auto-model.ts';
export type { Cancellation, CancelSignal } from './cancel.ts';
export { generate, type GenerateOptions } from './generate.ts';
export { Generation, type GenerationEvent, type WorkerChosen } from './generation.ts';
export { connect, type ConnectOptions, type GenerateInput, Shoal, toRequest } from './shoal.ts';
