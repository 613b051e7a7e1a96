// Asks a cluster with the SDK: node sdk.ts BOOTSTRAP CLUSTER
import { connect } from '@shoal/client';

const [bootstrap = '', cluster = ''] = process.argv.slice(2);
const shoal = await connect({ clusters: [cluster], bootstrap: [bootstrap] });
for await (const event of shoal.generate({ prompt: 'an echo' })) {
  if (event.type === 'text') process.stdout.write(event.text);
  // @ts-expect-error: fails to compile if the published types are missing
  if (event.type === 'no such event') process.stdout.write('');
  if (event.type === 'error') throw event.error;
}
await shoal.close();
