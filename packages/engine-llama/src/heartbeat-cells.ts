/** The cells of the memory that the main thread of a model's process shares with the thread that reports its work. */
export const CELLS = {
  /** 1 while there are requests. The thread sleeps otherwise. */
  open: 0,
  /** Steps of the batcher and turns of the event loop. */
  steps: 1,
  /** 1 if a card computes: the process waits for it without using the processor. */
  waits: 2,
  /** Where the counter of computed nodes begins. It is aligned to 8 bytes. */
  nodes: 4,
} as const;
