// Everything that is tested: types (the build), lint, the package, all test files, the other runtimes.
// Usage: node tools/test.mjs [FILE...] [--only PATTERN] [--name PATTERN] [--newest] [--no-runtimes] [--full]
//   FILE              only this test file: its path, or its name without the ending, as in `behaviour-map`
//   --only PATTERN    only test files whose path matches this regular expression
//   --name PATTERN    only tests whose name does
//   --newest          the library's tests on the newest Node of tools/runtimes, instead of everything on this one
//   --no-runtimes     neither installs nor runs Node 22 to 26, Bun, Deno, Chromium, bundlers and other test runners
//   --full            the other versions of Node run the whole behaviour suite, not a short one
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { install, SetupError } from './install.mjs'
import { root, setup } from './setup.mjs'

const { values: options, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    name: { type: 'string' },
    newest: { type: 'boolean' },
    'no-runtimes': { type: 'boolean' },
    full: { type: 'boolean' },
  },
})

// Tests of real threads need both cores of a small machine for themselves. The others go side by side.
const ALONE =
  /misuse|robustness|stress|workers|litmus|coherence|linearizability-threads|explore-schedules|runtimes|tools\/users|\/lab\//
const SIDE_BY_SIDE = 2
// On a quiet machine the longest file takes about a minute; one that does ten other things takes ten times as long. Waits
// inside the tests end earlier, and say for what; so a file that comes to this limit hangs where nobody thought of it.
const FILE_TIMEOUT = options.full ? 3_000_000 : 900_000

/** Optional parts that were not run, and why: each is a line before the totals. */
const skipped = new Set()

await setup({ quiet: Boolean(options.only || options.newest || named.length > 0) })

const library = join(root, 'packages/threadmap')
const libraryFiles = compiled(join(library, 'test'), join(library, 'build/test'), /^[^/]+\.ts$/)
const files = choose(options.newest ? libraryFiles : allFiles())
const users = files.some(file => file.includes('/tools/users/'))
if (files.some(file => file.includes('/runtimes/')) || users || options.newest) {
  installApart('tools/runtimes', 'the other runtimes')
}
if (users) installApart('tools/users', 'bundlers and other test runners')

const program = options.newest ? newestNode() : process.execPath
const totals = { pass: 0, fail: 0, cancelled: 0, skipped: 0 }
const started = performance.now()
if (program !== undefined) {
  for (const [group, concurrency] of [
    [files.filter(file => !ALONE.test(file.slice(root.length))), SIDE_BY_SIDE],
    [files.filter(file => ALONE.test(file.slice(root.length))), 1],
  ]) {
    if (group.length > 0 && (await runFiles(group, concurrency)) !== 0) process.exitCode = 1
  }
}
const seconds = ((performance.now() - started) / 1000).toFixed(0)
console.log(`\nall together, in ${seconds} s:`)
for (const part of skipped) console.log(`skipped: ${part}`)
console.log(`${totals.pass} passed, ${totals.fail + totals.cancelled} failed, ${totals.skipped} skipped`)

/** Every test file there is. */
function allFiles() {
  const runtimes = options['no-runtimes']
    ? []
    : compiled(join(library, 'test'), join(library, 'build/test'), /^runtimes\/.*\.test\.ts$/)
  if (options['no-runtimes'] && !options.only && named.length === 0) skipped.add('the other runtimes: --no-runtimes')
  const users = options['no-runtimes'] ? [] : sources(join(root, 'tools/users'), /^[^/]+\.test\.mjs$/)
  const packages = readdirSync(join(root, 'packages')).filter(name => name !== 'threadmap')
  return [
    ...sources(join(root, 'tools/checks'), /^[^/]+\.test\.mjs$/),
    ...libraryFiles,
    ...packages.flatMap(name =>
      compiled(join(root, 'packages', name, 'test'), join(root, 'packages', name, 'build/test'), /\.test\.ts$/),
    ),
    ...runtimes,
    ...users,
  ]
}

/** Those that the command line asks for. */
function choose(all) {
  let chosen = all
  if (options.only) chosen = chosen.filter(file => new RegExp(options.only).test(file.slice(root.length)))
  if (named.length > 0) chosen = named.flatMap(name => chosen.filter(file => isNamed(file, name)))
  const missing = named.find(name => !chosen.some(file => isNamed(file, name)))
  if (missing === undefined && chosen.length > 0) return [...new Set(chosen)]
  console.error(`test: no test file ${missing === undefined ? `matches ${options.only}` : `is called ${missing}`}`)
  const near = all.filter(file => missing !== undefined && bareName(file).includes(bareName(missing)))
  if (near.length > 0) console.error(`test: did you mean ${near.map(bareName).join(', ')}?`)
  process.exit(1)
}

/** Whether somebody who says `name` means this file: its source, what it was compiled to, or its bare name. */
function isNamed(file, name) {
  const plain = path =>
    path
      .replaceAll('\\', '/')
      .replace('/build/test/', '/test/')
      .replace(/\.(ts|m?js)$/, '')
  const [known, asked] = [plain(file), plain(name).replace(/^\.?\/+/, '')]
  return known === asked || known.endsWith(`/${asked}`) || known.endsWith(`/${asked}.test`)
}

function bareName(file) {
  return (file.split(/[\\/]/).at(-1) ?? file).replace(/(\.test)?\.(ts|m?js)$/, '')
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
  runner.stdout.setEncoding('utf8').on('data', text => {
    process.stdout.write(text)
    tail = (tail + text).slice(-100_000)
    const lines = (line + text).split('\n')
    line = lines.pop() ?? ''
    for (const each of lines) noteSkipped(each)
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
function installApart(folder, what) {
  try {
    install(join(root, folder), { scripts: false })
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    skipped.add(`${what} could not be installed: ${error.message}`)
  }
}
