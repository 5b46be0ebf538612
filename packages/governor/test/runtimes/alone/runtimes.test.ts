/** The governor on the other runtimes, which `npm ci` in tools/runtimes installs: the tests on Node 22 to 26, and one program on Bun and Deno. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** packages/governor/build/test */
const built = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const modules = join(built, '../../../../tools/runtimes/node_modules')
/** Milliseconds: ten times what the tests take on a quiet machine. */
const LIMIT = 900_000

const FOLDERS = ['behaviour', 'keys', 'policy', 'shared']
const SUITE = FOLDERS.flatMap(folder =>
  readdirSync(join(built, folder))
    .filter(name => name.endsWith('.test.js'))
    .map(name => join(built, folder, name)),
)

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

const ours = Number(process.versions.node.split('.')[0])

for (const major of [20, 22, 24, 26].filter(major => major !== ours)) {
  const node = join(modules, `node${major}${process.arch === 'arm64' ? '-arm64' : ''}`, 'bin/node')
  test(`Node ${major}: the governor's tests`, { skip: existsSync(node) ? false : `${node} is missing` }, async () => {
    const [code, output] = await run(node, ['--test', '--test-reporter=tap', '--test-concurrency=2', ...SUITE])
    const count = (name: string) => Number(output.match(new RegExp(`^# ${name} (\\d+)$`, 'm'))?.[1])
    const failed = output.split('\n').flatMap((line, i, all) => (/^\s*not ok/.test(line) ? all.slice(i, i + 25) : []))
    assert.ok(code === 0 && count('pass') > 50 && count('fail') === 0, failed.join('\n') || output.slice(-3000))
  })
}

const smoke = join(built, 'programs/smoke.js')
const arch = process.arch === 'arm64' ? 'aarch64' : process.arch
const PROGRAMS = [
  { name: 'this Node', path: process.execPath, args: [smoke] },
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
