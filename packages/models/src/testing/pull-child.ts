/** A program that removes a model, pulls it again and waits to be killed. Arguments: folder, source, allowed host. */
import { pull } from '../pull.ts';
import { ModelStore } from '../store/store.ts';

const [folder = '', source = '', allowedHost = ''] = process.argv.slice(2);
const store = await ModelStore.open(folder);
if ((await store.find('killed')) !== undefined) {
  process.stdout.write('removing\n');
  await store.remove('killed');
}
await pull(store, source, {
  allowedHosts: [allowedHost],
  name: 'killed',
  pieceBytes: 1024 * 1024,
  syncBytes: 1024 * 1024,
  onProgress: ({ phase }) => process.stdout.write(`${phase}\n`),
});
setInterval(() => undefined, 1_000);
