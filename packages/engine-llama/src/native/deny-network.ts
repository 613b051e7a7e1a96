import koffi from 'koffi';
import { addressOf } from './library.ts';

/** Numbers of a processor's system calls (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
interface SystemCalls {
  /** `AUDIT_ARCH_…` of linux/audit.h */
  readonly architecture: number;
  readonly seccomp: number;
  readonly socket: number;
  /** Calls that reach a network past `socket`: through another process's memory or sockets, or through a ring. */
  readonly others: readonly number[];
  /** Calls from this number on are those of another interface, with other numbers. */
  readonly end: number;
}

const X32_CALLS = 0x4000_0000;
const SYSTEM_CALLS: Readonly<Partial<Record<NodeJS.Architecture, SystemCalls>>> = {
  // ptrace, process_vm_readv, process_vm_writev, io_uring_setup, pidfd_getfd
  x64: { architecture: 0xc000_003e, seccomp: 317, socket: 41, others: [101, 310, 311, 425, 438], end: X32_CALLS },
  arm64: { architecture: 0xc000_00b7, seccomp: 277, socket: 198, others: [117, 270, 271, 425, 438], end: X32_CALLS },
};

/** Drivers of cards use these: `AF_UNIX` for their services, `AF_NETLINK` for what the kernel reports. */
const ALLOWED_FAMILIES = [1, 16];
const EACCES = 13;

/** Instructions of the classic BPF (linux/bpf_common.h) and results of a filter (linux/seccomp.h). */
const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const RETURN = 0x06;
const ALLOW = 0x7fff_0000;
const DENY = 0x0005_0000 + EACCES;
const INSTRUCTION_BYTES = 8;
/** Places in `struct seccomp_data`. */
const CALL_AT = 0;
const ARCHITECTURE_AT = 4;
const FIRST_ARGUMENT_AT = 16;

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
/** The filter applies to all threads of the process, or to none. */
const SECCOMP_FILTER_FLAG_TSYNC = 1;

type Instruction = readonly [code: number, constant: number, ifTrue?: Target | undefined, ifFalse?: Target];
type Target = 'deny' | 'allow' | 'socket';

/**
 * Denies this process, and what it starts, every network for the rest of its life: `socket` fails with EACCES. Needs no
 * privileges. Returns false where that is not possible: on systems other than Linux, on other processors, and where the
 * kernel has no filters of system calls.
 */
export function denyNetwork(): boolean {
  const calls = process.platform === 'linux' ? SYSTEM_CALLS[process.arch] : undefined;
  if (calls === undefined) return false;
  const libc = koffi.load(null);
  const prctl: (...values: number[]) => number = libc.func('int prctl(int, ulong, ulong, ulong, ulong)');
  const syscall: (number: number, operation: number, flags: number, program: Uint8Array) => number = libc.func(
    'long syscall(long, ulong, ulong, void*)',
  );
  // The kernel takes a filter of an ordinary user only from a process that cannot get more rights.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) return false;
  const filter = encode(filterOf(calls));
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, filter.byteLength / INSTRUCTION_BYTES, true);
  program.setBigUint64(8, addressOf(filter), true);
  const bytes = new Uint8Array(program.buffer);
  return syscall(calls.seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, bytes) === 0;
}

function filterOf({ architecture, socket, others, end }: SystemCalls): readonly Instruction[] {
  return [
    [LOAD, ARCHITECTURE_AT],
    [JUMP_IF_EQUAL, architecture, undefined, 'deny'],
    [LOAD, CALL_AT],
    [JUMP_IF_AT_LEAST, end, 'deny'],
    ...others.map((call): Instruction => [JUMP_IF_EQUAL, call, 'deny']),
    [JUMP_IF_EQUAL, socket, 'socket', 'allow'],
    // `socket` begins here, and the two results end the program.
    [LOAD, FIRST_ARGUMENT_AT],
    ...ALLOWED_FAMILIES.map((family): Instruction => [JUMP_IF_EQUAL, family, 'allow']),
    [RETURN, DENY],
    [RETURN, ALLOW],
  ];
}

/** Writes `struct sock_filter` for each instruction. A target is written as the number of instructions to skip. */
function encode(instructions: readonly Instruction[]): Uint8Array {
  const targets: Readonly<Record<Target, number>> = {
    socket: instructions.length - 2 - ALLOWED_FAMILIES.length - 1,
    deny: instructions.length - 2,
    allow: instructions.length - 1,
  };
  const view = new DataView(new ArrayBuffer(instructions.length * INSTRUCTION_BYTES));
  for (const [index, [code, constant, ifTrue, ifFalse]] of instructions.entries()) {
    const skips = (target: Target | undefined): number => (target === undefined ? 0 : targets[target] - index - 1);
    view.setUint16(index * INSTRUCTION_BYTES, code, true);
    view.setUint8(index * INSTRUCTION_BYTES + 2, skips(ifTrue));
    view.setUint8(index * INSTRUCTION_BYTES + 3, skips(ifFalse));
    view.setUint32(index * INSTRUCTION_BYTES + 4, constant, true);
  }
  return new Uint8Array(view.buffer);
}
