// A QMesh client that sends a prompt to the healthiest worker:
//   node examples/basic-client.js ["What is 2+2?"] [--bootstrap HOST:PORT]
// It runs `shoal qmesh ask --steps`. It is plain JavaScript because the machine's `node` may be old; the launcher finds a newer one.
const hasPrompt = process.argv[2] !== undefined && !process.argv[2].startsWith('--');
process.argv.splice(2, 0, 'qmesh', 'ask', '--steps', ...(hasPrompt ? [] : ['What is 2+2?']));
await import('../apps/cli/bin/shoal.js');
