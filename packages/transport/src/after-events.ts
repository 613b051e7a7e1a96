/** Calls the task after the events that are due now. */
export function afterEvents(task: () => void): void {
  setImmediate(task);
}
