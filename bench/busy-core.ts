/** Keeps one core busy until it is killed. Started by bench/threads.ts. */
process.send?.('busy');
for (;;);
