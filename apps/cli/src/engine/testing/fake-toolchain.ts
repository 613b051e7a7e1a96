import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Behaviour of the fake compiler. */
export type FakeBuild = 'works' | 'fails' | 'hangs';

const BUILDS: Readonly<Record<FakeBuild, string>> = {
  works: `mkdir -p "$objects/bin"
for name in llama-server ggml-rpc-server llama-bench llama-quantize; do
  echo "[1/2] $name"
  cp '@server' "$objects/bin/$name"
  chmod +x "$objects/bin/$name"
done
echo "[2/2] linked"`,
  fails: 'echo "a.cpp:1: error: this is wrong"; exit 1',
  hangs: 'echo "[1/2] one"; sleep 600 & wait',
};

/**
 * Creates a folder with fake programs for git, cmake, a compiler and ninja, because a real build takes minutes. `without` leaves
 * some out. `crashesOn` is the type of a model that crashes the built llama-server. The only real program in it is tar.
 */
export function fakeToolchain(
  folder: string,
  build: FakeBuild,
  without: readonly string[] = [],
  crashesOn = '',
): string {
  mkdirSync(folder, { recursive: true });
  const server = join(folder, 'fake-llama-server');
  const [node, fake] = [process.execPath, join(import.meta.dirname, 'fake-llama-server.ts')];
  writeFileSync(
    server,
    `#!/bin/sh\nif [ "$1" = --version ]; then echo "version: fake"; else exec '${node}' '${fake}' '${crashesOn}' "$@"; fi\n`,
    { mode: 0o700 },
  );
  const programs: Readonly<Record<string, string>> = {
    git: 'for last; do :; done; mkdir -p "$last"',
    cmake: `objects=""
while [ $# -gt 0 ]; do
  case "$1" in
    -B) exit 0 ;;
    --build) objects="$2" ;;
  esac
  shift
done
${BUILDS[build].replace('@server', server)}`,
    'c++': 'exit 0',
    ninja: 'exit 0',
    tar: 'exec tar "$@"',
  };
  for (const [name, script] of Object.entries(programs)) {
    if (without.includes(name)) continue;
    writeFileSync(join(folder, name), `#!/bin/sh\nPATH=/bin:/usr/bin\n${script}\n`, { mode: 0o700 });
  }
  return folder;
}
