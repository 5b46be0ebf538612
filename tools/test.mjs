// Everything that is tested: types (the build), lint, the package, all test files, the other runtimes.
// Usage: node tools/test.mjs [FILE...] [--only PATTERN] [--name PATTERN] [--newest] [--long] [--next] [--no-runtimes] [--full]
//   FILE              only this test file: its path, or the end of it without `.test.ts`, as in `behaviour/map` or `map`
//   --only PATTERN    only test files whose path matches this regular expression
//   --name PATTERN    only tests whose name does
//   --newest          the tests of the library and the governor on the newest Node of tools/runtimes, instead of everything on this one
//   --long            the test files that take long (folders long/), which run otherwise only when FILE or PATTERN chooses them
//   --no-runtimes     neither installs nor runs Node 22 to 26, Bun, Deno, Chromium, bundlers and other test runners
//   --next            Next.js, built and served by the stores' cache handlers, instead of everything: it takes minutes and 400 MB
//   --full            the other versions of Node run the whole behaviour suite, not a short one
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { install, SetupError } from './install.mjs'
import { root, setup } from './setup.mjs'
import { lostTests, testFiles } from './test-files.mjs'

const { values: options, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    name: { type: 'string' },
    newest: { type: 'boolean' },
    long: { type: 'boolean' },
    next: { type: 'boolean' },
    'no-runtimes': { type: 'boolean' },
    full: { type: 'boolean' },
  },
})

// Test files that need both cores of a small machine for themselves are in folders `alone/` and `long/`; of the others two run at a time.
const SIDE_BY_SIDE = 2
// On a quiet machine the longest file takes about a minute; on a machine that does ten other things, ten minutes. Waits inside the
// tests end earlier and name what they wait for, so a file that reaches this limit hangs outside of such a wait.
const FILE_TIMEOUT = options.full ? 3_000_000 : 900_000

/** Optional parts that were not run, and why: each is a line before the totals. */
const skipped = new Set()
/** What the runner says of tests that failed, once more before the totals: whoever sees only the end of a long log sees them. */
const failures = []

const chooses = Boolean(options.only) || named.length > 0
await setup({ quiet: chooses || Boolean(options.newest || options.long || options.next) })

const lost = lostTests()
for (const line of lost) console.error(`test: ${line}`)
if (lost.length > 0) process.exit(1)
const everything = testFiles()
  .filter(({ next }) => next === Boolean(options.next))
  .filter(({ long }) => (options.long ? long : chooses || !long))
const files = choose(everything.filter(file => (options.newest ? file.library : !skipsOptional(file))))
if (options.next) installApart('tools/next', 'Next.js')
else if (!options.long && files.length === everything.length) {
  skipped.add('Next.js: npm run test:next builds and serves a program with it')
  skipped.add('tests that take long: npm run test:long runs them')
}
if (files.some(({ optional }) => optional) || options.newest) installApart('tools/runtimes', 'the other runtimes')
if (files.some(({ source }) => source.startsWith('tools/users/'))) {
  installApart('tools/users', 'bundlers and other test runners')
}
if (files.some(({ source }) => source.startsWith('tools/peers/'))) {
  installApart('tools/peers', "the stores' peers for newer versions of Node, and their test suites")
}

const program = options.newest ? newestNode() : process.execPath
const totals = { pass: 0, fail: 0, cancelled: 0, skipped: 0 }
const started = performance.now()
if (program !== undefined) {
  for (const [group, concurrency] of [
    [files.filter(({ alone }) => !alone), SIDE_BY_SIDE],
    [files.filter(({ alone }) => alone), 1],
  ]) {
    const paths = group.map(({ path }) => path)
    if (group.length > 0 && (await runFiles(paths, concurrency)) !== 0) process.exitCode = 1
  }
}
const seconds = ((performance.now() - started) / 1000).toFixed(0)
console.log(`\nall together, in ${seconds} s:`)
for (const line of failures) console.log(line)
for (const part of skipped) console.log(`skipped: ${part}`)
console.log(`${totals.pass} passed, ${totals.fail + totals.cancelled} failed, ${totals.skipped} skipped`)

/** Whether `--no-runtimes` leaves this file out; if it would have run else, a line before the totals says so. */
function skipsOptional(file) {
  const skips = Boolean(options['no-runtimes']) && file.optional
  if (skips && !options.only && named.length === 0) skipped.add('the other runtimes: --no-runtimes')
  return skips
}

/** The test files that the command line asks for. */
function choose(all) {
  let chosen = all
  if (options.only) chosen = chosen.filter(({ source }) => new RegExp(options.only).test(`/${source}`))
  if (named.length > 0) chosen = named.flatMap(name => chosen.filter(file => isNamed(file, name)))
  const missing = named.find(name => !chosen.some(file => isNamed(file, name)))
  if (missing === undefined && chosen.length > 0) return [...new Set(chosen)]
  console.error(`test: no test file ${missing === undefined ? `matches ${options.only}` : `is called ${missing}`}`)
  const words = name => plain(name).replaceAll('/', '-')
  const near = all.filter(({ source }) => missing !== undefined && words(source).includes(words(missing)))
  if (near.length > 0) console.error(`test: did you mean ${near.map(({ source }) => source).join(', ')}?`)
  process.exit(1)
}

/** Whether `name` on the command line names this file: its source, its compiled file, or the end of either path. */
function isNamed({ path, source }, name) {
  const asked = plain(name)
  return plain(path) === asked || `/${plain(source)}`.endsWith(`/${asked}`)
}

/** A path without the parts that need not be typed: endings, and the folders `alone` and `long`. */
function plain(path) {
  return path
    .replaceAll('\\', '/')
    .replace('/build/test/', '/test/')
    .replace(/\/(alone|long)\//, '/')
    .replace(/(\.test)?(\.(ts|m?js))?$/, '')
    .replace(/^\.?\/+/, '')
}

/** Runs test files with Node's test runner, adds its summary to the totals, and returns its exit code. */
function runFiles(group, concurrency) {
  const runner = spawn(
    program,
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
  let line = ''
  let listsFailures = false
  runner.stdout.setEncoding('utf8').on('data', text => {
    process.stdout.write(text)
    tail = (tail + text).slice(-100_000)
    const lines = (line + text).split('\n')
    line = lines.pop() ?? ''
    for (const each of lines) {
      if (each === '✖ failing tests:') listsFailures = true
      if (listsFailures) noteFailure(each)
      else noteSkipped(each)
    }
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

/** A line of the runner's about a test that was skipped for a reason of its own, not by `--name`. */
function noteSkipped(line) {
  const [, name, reason] = line.match(/^\s*﹣ (.+?)(?: \([\d.]+ms\))? # (.+)$/) ?? []
  if (name !== undefined && reason !== 'test name does not match pattern') skipped.add(`${name}: ${reason}`)
}

/** A line of the runner's list of failures; frames inside Node say nothing about the fault. */
function noteFailure(line) {
  if (line !== '' && !/^\s+at .*\(?node:/.test(line)) failures.push(line.slice(0, 500))
}

/** The newest Node that is installed for the tests; undefined, and said so, if there is none. */
function newestNode() {
  const modules = join(root, 'tools/runtimes/node_modules')
  const suffix = process.arch === 'arm64' ? '-arm64' : ''
  const newest = (existsSync(modules) ? readdirSync(modules) : [])
    .map(name => ({ name, major: Number(name.match(`^node(\\d+)${suffix}$`)?.[1] ?? 0) }))
    .filter(({ name, major }) => major > 0 && existsSync(join(modules, name, 'bin/node')))
    .sort((a, b) => b.major - a.major)[0]
  if (newest === undefined) {
    skipped.add(`the library on the newest Node: none is installed for ${process.platform}-${process.arch}`)
    totals.skipped++
    return undefined
  }
  const path = join(modules, newest.name, 'bin/node')
  console.log(`the library on Node ${spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim()}`)
  return path
}

// They are no part of the workspace: each would put a `node` of its own before the machine's in every npm script, and
// `npm start` has no use for 900 MB of them. Where they can't be had, their tests are skipped by name.
function installApart(folder, what) {
  try {
    install(join(root, folder), { scripts: false })
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    skipped.add(`${what} could not be installed: ${error.message}`)
  }
}
