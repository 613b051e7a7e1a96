export {
  Admission,
  type AdmissionOptions,
  type Lease,
  type QueueLoad,
  type Place,
  type QueuePolicy,
} from './admission.ts';
export type { DoorStatus, OpenDoor } from './door.ts';
export * from './gauge.ts';
export * from './health.ts';
export {
  type DoorPolicy,
  type EndedRequest,
  type QueueHandle,
  type SelectEngine,
  type RequestObserver,
  type RequestEnd,
  type Outcomes,
  Scheduler,
  type SchedulerOptions,
} from './scheduler.ts';
export * from './tiers.ts';
export { type LendingLimits, Worker, type WorkerQueue, type WorkerOptions } from './worker.ts';
