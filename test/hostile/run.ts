/** Prints what one attack does: `node test/hostile/run.ts NAME [model_push]`. */
import { attack } from './scenario.ts';

const [name = '', mode] = process.argv.slice(2);
const donateMode = mode === 'model_push' ? mode : 'local_lm';
console.log(name, JSON.stringify(await attack({ attack: name, donateMode, measureMs: 3_000 })));
