/** Loaded by `--import`: writes the URLs of all modules that the process loads to the file of MODULE_LIST, one per line. */
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const urls = new Set<string>();

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    urls.add(resolved.url);
    return resolved;
  },
});

process.once('exit', () => {
  const path = process.env['MODULE_LIST'];
  if (path !== undefined) writeFileSync(path, [...urls].join('\n'));
});
