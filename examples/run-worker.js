// A QMesh worker that lends the demo model, until Ctrl-C:
//   node examples/run-worker.js [--model FILE.gguf] [--bootstrap HOST:PORT]
// It is `shoal qmesh worker`, and plain JavaScript because the `node` of the machine may be old: the launcher finds a new one.
process.argv.splice(2, 0, 'qmesh', 'worker');
await import('../apps/cli/bin/shoal.js');
