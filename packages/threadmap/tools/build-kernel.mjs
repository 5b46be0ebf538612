// Compiles the kernel (kernel/index.ts, AssemblyScript) into two flavours:
//   main     build/kernel.wasm, embedded in src/kernel/wasm.generated.ts, so that bundlers and browsers need no extra file
//   explore  build/kernel.explore.wasm, EXPLORE=1 and Asyncify: tests suspend it at its yield points
// In the kernel EXPLORE is a global constant (don't declare it in a file that asc reads: that would make it an import).
// Usage: node tools/build-kernel.mjs [--force] [--main] [--quiet]      --main leaves the explore flavour out
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ASC_OPTIONS } from './asc-options.mjs'
import { readModule } from './wasm-sections.mjs'

const self = fileURLToPath(import.meta.url)
const root = dirname(dirname(self))
const sourceFolder = join(root, 'kernel')
const entry = join(sourceFolder, 'index.ts')
const embedded = join(root, 'src/kernel/wasm.generated.ts')
const layout = join(root, 'src/kernel/layout.generated.ts')

const flags = new Set(process.argv.slice(2))
const quiet = flags.has('--quiet')

const flavours = {
  main: { wasm: join(root, 'build/kernel.wasm'), options: ['--use', 'EXPLORE=0'] },
  explore: {
    wasm: join(root, 'build/kernel.explore.wasm'),
    options: ['--use', 'EXPLORE=1', '--runPasses', 'asyncify'],
  },
}

/** @returns {string[]} every AssemblyScript source of the kernel, sorted */
function sources() {
  return readdirSync(sourceFolder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort()
}

function hashOf(options) {
  const hash = createHash('sha256').update(JSON.stringify([ASC_OPTIONS, options]))
  hash.update(createRequire(import.meta.url)('assemblyscript/package.json').version)
  for (const file of [self, join(dirname(self), 'wasm-sections.mjs')]) hash.update(readFileSync(file))
  for (const name of sources()) hash.update(`\0${name}\0`).update(readFileSync(join(sourceFolder, name)))
  return hash.digest('hex')
}

function fail(message) {
  console.error(`build-kernel: ${message}`)
  process.exit(1)
}

// Another build may read the file meanwhile (a test, tsc --watch): it sees the old one or the new one, never half of one.
function replace(file, content) {
  mkdirSync(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  writeFileSync(temporary, content)
  renameSync(temporary, file)
}

// Every thread instantiates the module over the same memory. An active segment would be written again each time, over
// whatever the map has there by then.
function checkModule(name, bytes) {
  const { segments, memory } = readModule(bytes)
  const active = segments.filter(segment => segment.active)
  if (active.length > 0) {
    const list = active.map(({ offset, bytes }) => `  at ${offset}, ${bytes.length} bytes: ${excerpt(bytes)}`)
    fail(
      `the ${name} flavour has ${active.length} active data segment(s), which every instance would write over the map.\n` +
        `${list.join('\n')}\nThey come from string literals, StaticArray or array literals, or memory.data(): use code or constants instead.`,
    )
  }
  if (!memory?.shared || memory.maximum !== 65536) {
    fail(`the ${name} flavour must import a shared memory of at most 65536 pages; it has ${JSON.stringify(memory)}`)
  }
}

function excerpt(bytes) {
  const text = Buffer.from(bytes).toString('latin1').replaceAll('\0', '')
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}

// `// @inline` above a function of the kernel stands for AssemblyScript's decorator, which other tools cannot parse. asc asks
// for files of its own library too, and for some that do not exist.
function readSource(name, folder) {
  const file = resolve(folder, name)
  if (!existsSync(file)) return null
  return readFileSync(file, 'utf8').replace(/^\/\/ @inline$/gm, '@inline')
}

async function compile(name, { wasm, options }) {
  const { default: asc } = await import('assemblyscript/asc')
  const started = performance.now()
  const stdout = asc.createMemoryStream()
  const stderr = asc.createMemoryStream()
  let binary
  const { error } = await asc.main(
    [relative(root, entry), '--baseDir', root, '--outFile', 'kernel.wasm', ...ASC_OPTIONS, ...options],
    {
      stdout,
      stderr,
      readFile: readSource,
      writeFile: (file, content) => {
        if (file.endsWith('.wasm')) binary = content
      },
    },
  )
  const said = `${stdout}${stderr}`.trim()
  if (error || !binary) fail(`asc could not compile the ${name} flavour\n\n${said || error?.stack}`)
  // A warning is worth reading even where the build is quiet.
  if (said) console.error(said)
  checkModule(name, binary)
  replace(wasm, binary)
  if (name === 'main') embed(binary)
  return { bytes: binary.length, milliseconds: performance.now() - started }
}

function embed(binary) {
  const text = Buffer.from(binary).toString('base64')
  replace(
    embedded,
    `// Made by tools/build-kernel.mjs from kernel/*.ts; do not edit.\nexport const KERNEL_BASE64 =\n  '${text}'\n`,
  )
}

// The same offsets and numbers for JavaScript: kernel/layout.ts is plain constants, so taking the types off is enough.
function writeLayout() {
  const source = readFileSync(join(sourceFolder, 'layout.ts'), 'utf8')
  const plain = source.replace(/^(export const \w+): [ui]32 =/gm, '$1 =')
  const text = `// Made by tools/build-kernel.mjs from kernel/layout.ts; do not edit.\n${plain}`
  if (!existsSync(layout) || readFileSync(layout, 'utf8') !== text) replace(layout, text)
}

async function build(name) {
  const flavour = flavours[name]
  const stamp = `${flavour.wasm}.hash`
  const hash = hashOf(flavour.options)
  const present = existsSync(flavour.wasm) && (name !== 'main' || existsSync(embedded)) && existsSync(stamp)
  if (!flags.has('--force') && present && readFileSync(stamp, 'utf8') === hash) return
  const { bytes, milliseconds } = await compile(name, flavour)
  replace(stamp, hash)
  if (!quiet) {
    const path = relative(root, flavour.wasm)
    console.log(`kernel: ${path} ${(bytes / 1024).toFixed(1)} KiB in ${(milliseconds / 1000).toFixed(1)} s`)
  }
}

if (!existsSync(entry)) fail(`there is no ${entry}`)
writeLayout()
await build('main')
if (!flags.has('--main')) await build('explore')
