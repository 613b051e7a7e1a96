import { DEFAULT_CONTEXT_TOKENS, defaultSlots } from '@shoal/engine-llama';
import { type GgufDescription, inspectModel, type PredictedMemory, predictMemory, smallestTier } from '@shoal/models';
import { loadConfiguration } from '@shoal/host/configuration';
import { homeFiles } from '@shoal/host/home';
import { findModel, type LocalModel, modelPlaces } from '@shoal/host/models';
import { printableName } from '@shoal/host/printable';
import { gaugeResources, type Resources, TIERS } from '@shoal/worker';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { locationOf } from '../../models/local.ts';
import { measuredMemory, type MeasuredMemory } from '../../models/measured.ts';
import { columns, count, print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';
import { modelDocument } from './list.ts';

const GIB = 1024 ** 3;
/** Longest text of a header that is printed. */
const SHOWN_CHARACTERS = 120;

export interface ShowFlags {
  readonly contextLength?: number | undefined;
  readonly slots?: number | undefined;
}

/** Where a model fits: on the graphics card, in memory, or nowhere. */
type Place = 'gpu' | 'ram' | null;

/** `shoal show`: describes a model by its header, without loading it. */
export async function show(context: Context, name: string, flags: ShowFlags): Promise<number> {
  const configuration = await loadConfiguration(context.home, {});
  const model = await findModel(modelPlaces(context.home, configuration.modelFolders), name);
  const about = await inspectModel(model.paths);
  const {
    contextLength = Math.min(about.contextLength ?? DEFAULT_CONTEXT_TOKENS, DEFAULT_CONTEXT_TOKENS),
    slots = defaultSlots(model.path),
  } = { ...configuration, ...given(flags) };
  const memory = predictMemory(about, { contextLength, slots });
  const measured = await measuredMemory(model.path, homeFiles(context.home).cache);
  const tier = smallestTier(memory.totalBytes, TIERS)?.name;
  const machine = await gaugeResources(context.home.state);
  const onGpu = predictMemory(about, { contextLength, slots, isOnGpu: true });
  const fits = placeOf(memory, onGpu, machine);
  const value = {
    ...modelDocument(model),
    ...descriptionDocument(about),
    memory: memoryDocument(memory, contextLength, slots),
    measured_memory: measuredDocument(measured),
    tier: tier ?? null,
    machine: { ram_gb: machine.ram_gb, gpu_vram_gb: machine.gpu_vram_gb },
    fits,
  };
  print(context, value, [
    ...columns([
      ...identityRows(model),
      ...descriptionRows(about),
      ['Memory', memoryText(memory, contextLength, slots)],
      ...measuredRows(measured),
      ['Tier', tier ?? 'larger than every tier'],
      ['Fits here', fitText(fits, machine)],
    ]),
  ]);
  return EXIT.ok;
}

function given({ contextLength, slots }: ShowFlags): {
  readonly contextLength?: number | undefined;
  readonly slots?: number | undefined;
} {
  return { ...(contextLength !== undefined && { contextLength }), ...(slots !== undefined && { slots }) };
}

function placeOf(
  onProcessor: PredictedMemory,
  onGpu: PredictedMemory,
  { gpu_vram_gb: vram, ram_gb: ram }: Resources,
): Place {
  if (onGpu.totalBytes <= (vram ?? 0) * GIB) return 'gpu';
  return onProcessor.totalBytes <= ram * GIB ? 'ram' : null;
}

function identityRows(model: LocalModel): string[][] {
  const digest = model.owner === 'shoal' ? model.digest : undefined;
  const claimed = 'claimedDigest' in model ? model.claimedDigest : undefined;
  return [
    ...(model.name === undefined ? [] : [['Name', printableName(model.name)]]),
    ['Where', locationOf(model)],
    ...(model.owner === 'shoal' ? [['Source', printableName(model.source)]] : []),
    ...(digest === undefined ? [] : [['Digest', digest]]),
    ...(claimed === undefined ? [] : [['Digest', `${claimed} (claimed)`]]),
    ...model.paths.map((path, index) => [index === 0 ? 'File' : '', printableName(path)]),
    ['Size', size(model.bytes)],
  ];
}

/** The rows that describe a model's header. */
export function descriptionRows(about: GgufDescription): string[][] {
  const { architecture, parameterCount, quantisation, contextLength, chatTemplate, licence } = about;
  return [
    ['Architecture', shown(architecture)],
    ['Parameters', parameters(parameterCount)],
    ['Quantization', shown(quantisation)],
    ['Context', contextLength === undefined ? 'not specified' : count(contextLength, 'token')],
    ['Chat template', chatTemplate === undefined ? 'no' : 'yes'],
    ['Licence', licence === undefined ? 'not specified' : shown(licence)],
  ];
}

function descriptionDocument(about: GgufDescription): object {
  const { architecture, parameterCount, quantisation, contextLength, chatTemplate, licence, layerCount } = about;
  return {
    architecture: printableName(architecture),
    parameters: parameterCount,
    quantization: printableName(quantisation),
    context_length: contextLength ?? null,
    layers: layerCount,
    chat_template: chatTemplate !== undefined,
    licence: licence === undefined ? null : printableName(licence),
  };
}

function memoryDocument(memory: PredictedMemory, contextLength: number, slots: number): object {
  return {
    context_length: contextLength,
    slots,
    weight_bytes: memory.weightBytes,
    cache_bytes: memory.cacheBytes,
    compute_bytes: memory.computeBytes,
    total_bytes: memory.totalBytes,
    reclaimable_bytes: memory.reclaimableBytes,
  };
}

/** `1.9 GB with 4096 tokens of context in 1 slot: 1.3 GB weights, 134 MB context, 510 MB working memory`. */
function memoryText(memory: PredictedMemory, contextLength: number, slots: number): string {
  const { weightBytes, cacheBytes, computeBytes, totalBytes } = memory;
  const parts = `${size(weightBytes)} weights, ${size(cacheBytes)} context, ${size(computeBytes)} working memory`;
  return `${size(totalBytes)} ${conditions(contextLength, slots)}: ${parts}`;
}

/** The measured memory of the last load on this machine. Empty if the model was never loaded. */
function measuredRows(measured: MeasuredMemory | undefined): string[][] {
  if (measured === undefined) return [];
  const { bytes, contextLength, slots } = measured;
  return [['Measured', `${size(bytes)} ${conditions(contextLength, slots)}`]];
}

function measuredDocument(measured: MeasuredMemory | undefined): object | null {
  if (measured === undefined) return null;
  const { bytes, contextLength, slots } = measured;
  return { bytes, context_length: contextLength, slots };
}

function conditions(contextLength: number, slots: number): string {
  return `with ${count(contextLength, 'token')} of context in ${count(slots, 'slot')}`;
}

function fitText(fits: Place, { ram_gb: ram, gpu_vram_gb: vram }: Resources): string {
  if (fits === 'gpu') return `yes, on the graphics card (${vram} GB)`;
  if (fits === 'ram') return `yes, in memory (${ram} GB)`;
  return `no: this machine has ${ram} GB of memory${(vram ?? 0) > 0 ? ` and ${vram} GB on the graphics card` : ''}`;
}

function shown(text: string): string {
  const name = printableName(text);
  return name.length <= SHOWN_CHARACTERS ? name : `${name.slice(0, SHOWN_CHARACTERS)}…`;
}

/** `980`, `1.9 M`, `1.1 B`, `70 B`. */
function parameters(number: number): string {
  const [value, unit] = number >= 1e9 ? [number / 1e9, ' B'] : number >= 1e6 ? [number / 1e6, ' M'] : [number, ''];
  return `${value < 9.95 && unit !== '' ? value.toFixed(1) : value.toFixed(0)}${unit}`;
}
