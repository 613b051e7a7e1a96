// A QMesh client that asks the healthiest worker:
//   node examples/basic-client.js ["What is 2+2?"] [--bootstrap HOST:PORT]
// It is `shoal qmesh ask`, and plain JavaScript because the `node` of the machine may be old: the launcher finds a new one.
const hasPrompt = process.argv[2] !== undefined && !process.argv[2].startsWith('--');
process.argv.splice(2, 0, 'qmesh', 'ask', ...(hasPrompt ? [] : ['What is 2+2?']));
await import('../apps/cli/bin/shoal.js');
