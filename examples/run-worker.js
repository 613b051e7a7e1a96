// A QMesh worker that lends the demo model, until Ctrl-C:
//   node examples/run-worker.js [--model FILE.gguf] [--bootstrap HOST:PORT]
// It runs `shoal qmesh worker`. It is plain JavaScript because the machine's `node` may be old; the launcher finds a newer one.
process.argv.splice(2, 0, 'qmesh', 'worker');
await import('../apps/cli/bin/shoal.js');
