import type { AttackOptions } from './scenario.ts';

/** Every attack program with the node that it needs. The file has the name of the attack. */
export const ATTACKS: readonly Pick<AttackOptions, 'attack' | 'donateMode'>[] = [
  { attack: 'partial-frames', donateMode: 'model_push' },
  { attack: 'large-frames' },
  { attack: 'large-messages' },
  { attack: 'small-messages' },
  { attack: 'hello-flood' },
  { attack: 'unread-answers' },
  { attack: 'silent-sockets' },
  { attack: 'dripping-sockets' },
  { attack: 'dripping-uploads', donateMode: 'model_push' },
  { attack: 'connection-flood' },
];
