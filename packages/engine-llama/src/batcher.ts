import { ShoalError } from '@shoal/protocol/error';
import type { Generation } from './generation.ts';
import type { Model } from './model.ts';
import type { NativeContext } from './native/context.ts';
import type { ThreadControl } from './thread-control.ts';
import { commonPrefixLength, type Slot, SlotPool } from './slot-pool.ts';

interface Seat {
  readonly generation: Generation;
  readonly slot: Slot;
}

/** The part of a batch that belongs to one answer. */
interface Part extends Seat {
  readonly count: number;
  /** The index of its logits; undefined if none are needed. */
  readonly output: number | undefined;
}

/** The parts of a model that a batcher uses. */
interface BatcherModel extends Pick<Model, 'context' | 'pieceLength' | 'slots'> {
  readonly threads: Pick<ThreadControl, 'stepped'> | undefined;
}

/**
 * Continuous batching: each step evaluates the next token of every answer and a piece of the prompts in one batch, so that
 * the model's weights are read once for all of them. Messages are received between steps.
 */
export class Batcher {
  readonly #context: NativeContext;
  readonly #onStep: () => void;
  readonly #pieceLength: number;
  readonly #slots: SlotPool;
  readonly #threads: Pick<ThreadControl, 'stepped'> | undefined;
  #waiting: Generation[] = [];
  #seats: Seat[] = [];
  #isWoken = false;

  /** `onStep` is called after each step. */
  constructor({ context, pieceLength, slots, threads }: BatcherModel, onStep: () => void) {
    this.#onStep = onStep;
    this.#threads = threads;
    this.#context = context;
    this.#pieceLength = pieceLength;
    this.#slots = new SlotPool(slots);
  }

  /** Queues a generation: first come, first served. The parent limits the queue. */
  submit(generation: Generation): void {
    this.#waiting.push(generation);
    this.wake();
  }

  /** Continues after a change: a new generation, an acknowledgement, or an abort. */
  wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    setImmediate(() => {
      this.#isWoken = false;
      this.#dismiss();
      this.#admit();
      if (this.#step()) this.wake();
    });
  }

  /** Removes ended and aborted generations, running and waiting, and frees their slots. */
  #dismiss(): void {
    const all = [...this.#seats.map(({ generation }) => generation), ...this.#waiting];
    for (const generation of all) if (generation.aborted) generation.abandon();
    this.#waiting = this.#waiting.filter(({ hasEnded }) => !hasEnded);
    for (const { slot } of this.#seats.filter(({ generation }) => generation.hasEnded)) slot.isTaken = false;
    this.#seats = this.#seats.filter(({ generation }) => !generation.hasEnded);
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const slot = this.#slots.take(next.read);
      if (slot === undefined) return;
      this.#waiting.shift();
      this.#seats.push({ generation: next, slot });
      this.#begin(next, slot);
    }
  }

  /** Keeps the slot's cached tokens that the generation begins with and forgets the others. */
  #begin(generation: Generation, slot: Slot): void {
    let position = Math.min(commonPrefixLength(slot.tokens, generation.read), generation.reusable);
    if (position < slot.tokens.length && !this.#context.forget(slot.sequence, position)) position = 0;
    slot.tokens.length = position;
    try {
      generation.begin(position);
    } catch (error) {
      generation.fail(error);
    }
  }

  /** Evaluates one batch. Returns false if there is nothing to do. */
  #step(): boolean {
    const parts = this.#fill();
    if (parts.length === 0) return this.#seats.some(({ generation }) => generation.hasEnded);
    const began = performance.now();
    const isComputed = this.#context.decode();
    this.#controlThreads(parts, performance.now() - began);
    if (!isComputed) {
      for (const part of parts) this.#giveUp(part);
      return true;
    }
    for (const part of parts) this.#advance(part);
    this.#onStep();
    return true;
  }

  /** Steps that read a prompt take longer with its length, so they do not show the load. */
  #controlThreads(parts: readonly Part[], ms: number): void {
    if (this.#threads === undefined || parts.some(({ generation, count }) => generation.isReading || count > 1)) return;
    const threads = this.#threads.stepped(ms, parts.length);
    if (threads !== this.#context.threads) this.#context.threads = threads;
  }

  /** Fills the batch: one token of each answer first, then pieces of prompts, the oldest first. */
  #fill(): Part[] {
    const ready = this.#seats.filter(({ generation }) => generation.hasRoom && !generation.hasEnded);
    const answering = ready.filter(({ generation }) => !generation.isReading);
    const reading = ready.filter(({ generation }) => generation.isReading);
    const parts = answering.map((seat) => this.#add(seat, 1));
    let room = this.#pieceLength;
    for (const seat of reading) {
      if (room === 0) break;
      const part = this.#add(seat, room);
      room -= part.count;
      parts.push(part);
    }
    return parts;
  }

  #add({ generation, slot }: Seat, room: number): Part {
    const { tokens, wantsLogits } = generation.next(room);
    const output = this.#context.add(slot.sequence, generation.position, tokens, wantsLogits ? 'last' : 'none');
    slot.tokens.push(...tokens);
    return { generation, slot, count: tokens.length, output: wantsLogits ? output : undefined };
  }

  #advance({ generation, count, output }: Part): void {
    generation.evaluated(count);
    if (output === undefined) return;
    try {
      const logits = this.#context.logits(output);
      if (logits === undefined) throw new Error(`llama.cpp has no logits at ${output}.`);
      generation.advance(logits);
    } catch (error) {
      generation.fail(error);
    }
  }

  #giveUp({ generation, slot }: Part): void {
    this.#context.forget(slot.sequence, 0);
    slot.tokens.length = 0;
    generation.fail(ShoalError.generationFailed('The model could not compute the next token.'));
  }
}
