import { ShoalError } from '@shoal/protocol/error';
import { launchd } from './launchd.ts';
import type { ServiceManager } from './manager.ts';
import { systemd } from './systemd.ts';
import { taskScheduler } from './task-scheduler.ts';

const MANAGERS: Partial<Readonly<Record<NodeJS.Platform, ServiceManager>>> = {
  linux: systemd,
  darwin: launchd,
  win32: taskScheduler,
};

/** Returns the service manager of this system. Throws `INVALID_REQUEST` for a system whose services Shoal does not know. */
export function pickManager(platform: NodeJS.Platform = process.platform): ServiceManager {
  const manager = MANAGERS[platform];
  if (manager !== undefined) return manager;
  throw ShoalError.invalidRequest(`Shoal makes no services on ${platform}. Run "shoal serve" from its own ones.`);
}
