import { Budget, budgetBytes } from '@shoal/transport';
import { machineMemory } from './machine-memory.ts';
import type { Configuration } from './settings/configuration.ts';

const MIB = 1024 * 1024;

/** Returns a new budget for the data of peers, of the set size or by the memory of this machine. */
export function createBudget({ peerMemory }: Pick<Configuration, 'peerMemory'>): Budget {
  return new Budget({ limitBytes: peerMemory === undefined ? budgetBytes(machineMemory()) : peerMemory * MIB });
}
