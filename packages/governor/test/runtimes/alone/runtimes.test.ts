/** One program with threads, levels, copies and deaths on the other runtimes, which `npm ci` in tools/runtimes installs. `npm run test:newest` runs the tests on the newest Node. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** packages/governor/build/test */
const built = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const modules = join(built, '../../../../tools/runtimes/node_modules')
/** Milliseconds: ten times what the tests take on a quiet machine. */
const LIMIT = 900_000

function run(program: string, args: string[], environment: NodeJS.ProcessEnv = {}): Promise<[number | null, string]> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: built,
      stdio: ['ignore', 'pipe', 'pipe'],
      // The variables of the test runner that runs this process are not for one that it starts.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined, ...environment },
      timeout: LIMIT,
      killSignal: 'SIGKILL',
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.on('error', reject)
    child.on('close', code => resolve([code, output]))
  })
}

const smoke = join(built, 'programs/smoke.js')
const arch = process.arch === 'arm64' ? 'aarch64' : process.arch
const PROGRAMS = [
  { name: 'this Node', path: process.execPath, args: [smoke] },
  ...[20, 22, 24, 26].map(major => ({
    name: `Node ${major}`,
    path: join(modules, `node${major}${process.arch === 'arm64' ? '-arm64' : ''}`, 'bin/node'),
    args: [smoke],
  })),
  { name: 'Bun', path: join(modules, `@oven/bun-linux-${arch}/bin/bun`), args: [smoke] },
  {
    name: 'Deno',
    path: join(modules, `@deno/linux-${process.arch}-glibc/deno`),
    args: ['run', '--allow-all', '--no-lock', '--cached-only', smoke],
  },
]

for (const { name, path, args } of PROGRAMS) {
  test(`${name}: threads, levels, copies, deaths`, {
    skip: existsSync(path) ? false : `${path} is missing`,
  }, async () => {
    const [code, output] = await run(path, args, {
      DENO_NO_UPDATE_CHECK: '1',
      DENO_DIR: join(built, '../deno'),
    })
    assert.ok(code === 0 && /^ok$/m.test(output), `exit code ${code}\n${output.slice(-4000)}`)
  })
}
