// Everything that is tested: types (the build), lint, the package, all test files, the other runtimes.
// Usage: node tools/test.mjs [--only PATTERN] [--name PATTERN] [--no-runtimes] [--full]
//   --only PATTERN    only test files whose path matches this regular expression
//   --name PATTERN    only tests whose name does
//   --no-runtimes     neither installs nor runs Node 22 to 26, Bun, Deno and Chromium
//   --full            the other versions of Node run the whole behaviour suite, not a short one
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { install, SetupError } from './install.mjs'
import { root, setup } from './setup.mjs'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    name: { type: 'string' },
    'no-runtimes': { type: 'boolean' },
    full: { type: 'boolean' },
  },
})

// Tests of real threads need both cores of a small machine for themselves. The others go side by side.
const ALONE =
  /misuse|robustness|stress|workers|litmus|coherence|linearizability-threads|explore-schedules|runtimes|\/lab\//
const SIDE_BY_SIDE = 2
// No file takes nearly this long; a hang is to fail here, not at the limit of whoever runs us.
const FILE_TIMEOUT = options.full ? 3_000_000 : 240_000

await setup({ quiet: Boolean(options.only) })

const lab = join(root, 'packages/lab')
const library = join(root, 'packages/threadmap')
let files = [
  ...sources(join(root, 'tools/checks'), /^[^/]+\.test\.mjs$/),
  ...compiled(join(library, 'test'), join(library, 'build/test'), /^[^/]+\.ts$/),
  ...compiled(join(lab, 'test'), join(lab, 'build/test'), /\.test\.ts$/),
  ...(options['no-runtimes']
    ? []
    : compiled(join(library, 'test'), join(library, 'build/test'), /^runtimes\/.*\.test\.ts$/)),
]
if (options.only) files = files.filter(file => new RegExp(options.only).test(file.slice(root.length)))
if (files.length === 0) {
  console.error(`test: no test file matches ${options.only}`)
  process.exit(1)
}
if (files.some(file => file.includes('/runtimes/'))) installRuntimes()

const totals = { pass: 0, fail: 0, cancelled: 0, skipped: 0 }
const started = performance.now()
for (const [group, concurrency] of [
  [files.filter(file => !ALONE.test(file.slice(root.length))), SIDE_BY_SIDE],
  [files.filter(file => ALONE.test(file.slice(root.length))), 1],
]) {
  if (group.length > 0 && (await runFiles(group, concurrency)) !== 0) process.exitCode = 1
}
const seconds = ((performance.now() - started) / 1000).toFixed(0)
console.log(`\nall together, in ${seconds} s:`)
console.log(`${totals.pass} passed, ${totals.fail + totals.cancelled} failed, ${totals.skipped} skipped`)

/** Runs test files with Node's test runner, adds its summary to the totals, and returns its exit code. */
function runFiles(group, concurrency) {
  const runner = spawn(
    process.execPath,
    [
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${FILE_TIMEOUT}`,
      ...(options.name ? [`--test-name-pattern=${options.name}`] : []),
      ...group,
    ],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: options.full ? { ...process.env, THREADMAP_RUNTIMES: 'full' } : process.env,
    },
  )
  let tail = ''
  runner.stdout.setEncoding('utf8').on('data', text => {
    process.stdout.write(text)
    tail = (tail + text).slice(-100_000)
  })
  return new Promise(resolve => {
    runner.on('close', code => {
      for (const name of Object.keys(totals)) {
        // The summary comes after the tests' own output, and before the failures once more.
        totals[name] += Number([...tail.matchAll(new RegExp(`^\\S+ ${name} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? 0)
      }
      resolve(code ?? 1)
    })
  })
}

/** The files below `folder` whose path from there matches. */
function sources(folder, pattern) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .filter(name => pattern.test(name) && !name.endsWith('.d.ts'))
    .sort()
    .map(name => join(folder, name))
}

// Found by their sources: the output of one that was renamed or removed stays behind, and would run for ever.
function compiled(from, to, pattern) {
  return sources(from, pattern).map(source => join(to, source.slice(from.length + 1).replace(/\.ts$/, '.js')))
}

// They are no part of the workspace: each would put a `node` of its own before the machine's in every npm script, and
// `npm start` has no use for 900 MB of them. Where they can't be had, their tests are skipped by name.
function installRuntimes() {
  try {
    install(join(root, 'tools/runtimes'), { scripts: false })
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(`test: the other runtimes are not installed, and so not tested: ${error.message}`)
  }
}
