/** Calls the task after the events that are due now. Browsers have no `setImmediate`. */
export function afterEvents(task: () => void): void {
  setTimeout(task, 0);
}
