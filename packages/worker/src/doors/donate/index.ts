export { type DonateDoor, type DonateDoorOptions, openDonateDoor, QUEUE_CAPACITY } from './door.ts';
export type { JobReport } from './connections.ts';
export type { Mount } from './model-slot.ts';
export { type DonateListener, serveDonate, type ServeDonateOptions } from './serve.ts';
export type { DonateBackendOptions } from './backend.ts';
