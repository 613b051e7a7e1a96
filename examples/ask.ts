// Sends a prompt to a cluster and prints the answer as it arrives:
//   npx node examples/ask.ts "What is 2+2?"
// SHOAL_BOOTSTRAP (host:port) and SHOAL_CLUSTER select the network. Default: the public DHT and gatewayai-poc.
import { connect } from '@shoal/client';

const { SHOAL_BOOTSTRAP: bootstrap, SHOAL_CLUSTER: cluster = 'gatewayai-poc' } = process.env;
const prompt = process.argv[2] ?? 'What is 2+2?';

const shoal = await connect({ clusters: [cluster], ...(bootstrap === undefined ? {} : { bootstrap: [bootstrap] }) });
for await (const event of shoal.generate({ prompt, maxTokens: 200 })) {
  if (event.type === 'worker') console.error(`${event.name} answers`);
  if (event.type === 'text') process.stdout.write(event.text);
  if (event.type === 'error') {
    console.error(`${event.error.code}: ${event.error.message}`);
    process.exitCode = 1;
  }
}
process.stdout.write('\n');
await shoal.close();
