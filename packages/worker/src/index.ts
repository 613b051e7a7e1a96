export { Admission, type AdmissionOptions, type Lease, type Place } from './admission.ts';
export * from './gauge.ts';
export * from './health.ts';
export * from './tiers.ts';
export { type LendingLimits, Worker, type WorkerOptions } from './worker.ts';
