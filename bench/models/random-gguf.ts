/**
 * Writes a model of random weights in a standard shape for benches: speed does not depend on values.
 *
 *   node bench/models/random-gguf.ts --out FILE [--layers 12] [--width 768] [--heads 12] [--key-heads 12]
 *     [--feed-forward 2048] [--vocabulary 32000] [--context 4096] [--type q4_0|q8_0|f16] [--seed 1]
 *
 * The defaults have 134 million weights; `--layers 24 --width 1280 --heads 20 --feed-forward 3456`
 * has 558 million.
 */
import { parseArgs } from 'node:util';
import { type Shape, writeRandomModel } from '@shoal/models/random-model';
import { tensorBytes } from '@shoal/models/gguf-writer';

function main(): void {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      layers: { type: 'string', default: '12' },
      width: { type: 'string', default: '768' },
      heads: { type: 'string', default: '12' },
      'key-heads': { type: 'string' },
      'feed-forward': { type: 'string', default: '2048' },
      vocabulary: { type: 'string', default: '32000' },
      context: { type: 'string', default: '4096' },
      type: { type: 'string', default: 'q4_0' },
      seed: { type: 'string', default: '1' },
    },
  });
  if (values.out === undefined) throw new TypeError('--out FILE is missing.');
  const { type } = values;
  if (type !== 'q4_0' && type !== 'q8_0' && type !== 'f16')
    throw new TypeError(`--type ${type} is none of q4_0, q8_0, f16.`);
  const shape: Shape = {
    layers: positive('layers', values.layers),
    width: positive('width', values.width),
    heads: positive('heads', values.heads),
    keyHeads: positive('key-heads', values['key-heads'] ?? values.heads),
    feedForward: positive('feed-forward', values['feed-forward']),
    vocabulary: positive('vocabulary', values.vocabulary),
    context: positive('context', values.context),
    type,
    seed: positive('seed', values.seed),
  };
  const tensors = writeRandomModel(values.out, shape);
  const weights = tensors.reduce((sum, tensor) => sum + tensor.shape.reduce((product, size) => product * size, 1), 0);
  const bytes = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  console.log(`${values.out}: ${(weights / 1e6).toFixed(0)} million weights, ${(bytes / 1e6).toFixed(0)} MB`);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new TypeError(`--${name} ${text} must be a positive whole number.`);
  return value;
}

main();
