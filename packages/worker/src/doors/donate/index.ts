export { type DonateDoor, type DonateDoorOptions, openDonateDoor, QUEUE_CAPACITY } from './door.ts';
export type { JobReport } from './hall.ts';
export type { Mount } from './model-seat.ts';
export { type DonateListener, serveDonate, type ServeDonateOptions } from './serve.ts';
export type { Donation } from './service.ts';
