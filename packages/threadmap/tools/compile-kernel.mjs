// How the kernel (kernel/index.ts, AssemblyScript) is compiled, in two flavours:
//   main     what ships
//   explore  EXPLORE=1 and Asyncify: tests suspend it at its yield points
// In the kernel EXPLORE is a global constant (don't declare it in a file that asc reads: that would make it an import).
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ASC_OPTIONS } from './asc-options.mjs'
import { readModule } from './wasm-sections.mjs'

const self = fileURLToPath(import.meta.url)
export const root = dirname(dirname(self))
export const sourceFolder = join(root, 'kernel')
export const entry = join(sourceFolder, 'index.ts')
/** Where the points themselves are declared. */
const accesses = 'atomics.ts'

/** @typedef {'main' | 'explore'} Flavour */
/** @type {Record<Flavour, string[]>} */
const flavours = {
  main: ['--use', 'EXPLORE=0'],
  explore: ['--use', 'EXPLORE=1'],
}

// What would block or could not be undone is the scheduler's affair in the explore flavour, wherever the kernel does it.
const points = [
  { text: 'atomic.wait<i32>(', point: 'waitPoint' },
  { text: 'atomic.notify(', point: 'notifyPoint' },
  { text: 'memory.grow(', point: 'growPoint' },
]

// `// @inline` above a function of the kernel stands for AssemblyScript's decorator, which other tools cannot parse. `// @external
// MODULE NAME` above an import likewise.
function withDecorators(name, source) {
  const marked = source
    .replace(/^\/\/ @inline\n(?=(export )?function )/gm, '@inline\n')
    .replace(/^\/\/ @external (\S+) (\S+)\n(?=declare function )/gm, '@external("$1", "$2")\n')
  if (/@inline/.test(marked.replace(/^@inline$/gm, '')))
    throw new KernelError(`${name} says @inline where no function follows; write "// @inline" in the line above it`)
  return marked
}

/** @param {string} name @param {string} source */
function withPoints(name, source) {
  const used = points.filter(({ text }) => source.includes(text))
  const from = relative(dirname(name), accesses).replaceAll('\\', '/')
  const imports = `import { ${used.map(({ point }) => point).join(', ')} } from '${from.startsWith('.') ? '' : './'}${from.replace(/\.ts$/, '')}'\n`
  const edited = used.reduce((text, { text: call, point }) => text.replaceAll(call, `${point}(`), source)
  // Written in any other way, the wait would block the scheduler of the explorer, and the growth would last.
  const missed = /\batomic\.(wait|notify)\b|\bmemory\.grow\b/.exec(edited.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))
  if (missed)
    throw new KernelError(`${name} says ${missed[0]} in a way that the explore flavour cannot put a point in place of`)
  return used.length === 0 ? source : imports + edited
}

/** @returns {string[]} every AssemblyScript source of the kernel, sorted */
function sources() {
  return readdirSync(sourceFolder, { recursive: true, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort()
}

/**
 * The same offsets and numbers for JavaScript: kernel/layout.ts is plain constants, so taking the types off is enough.
 * @param {string} source
 */
export function layoutModule(source) {
  const plain = source.replace(/^(export const \w+): [ui]32 =/gm, '$1 =')
  return `// Made by tools/build-kernel.mjs from kernel/layout.ts; do not edit.\n${plain}`
}

/**
 * Changes with everything that the flavour is made from.
 * @param {Flavour} flavour
 */
export function hashOf(flavour) {
  const hash = createHash('sha256').update(JSON.stringify([ASC_OPTIONS, flavours[flavour]]))
  hash.update(createRequire(import.meta.url)('assemblyscript/package.json').version)
  for (const file of [self, join(dirname(self), 'wasm-sections.mjs')]) hash.update(readFileSync(file))
  for (const name of sources()) hash.update(`\0${name}\0`).update(readFileSync(join(sourceFolder, name)))
  return hash.digest('hex')
}

/** The kernel could not be compiled, or what came out can't be used. */
export class KernelError extends Error {}

/**
 * @param {Flavour} flavour
 * @param {(name: string, source: string) => string} edit changes a source (its name is the path below kernel/) on its way to the compiler
 * @returns {Promise<{ binary: Uint8Array, said: string }>} `said`: the compiler's warnings
 */
export async function compileKernel(flavour, edit = (_name, source) => source) {
  const { default: asc } = await import('assemblyscript/asc')
  const stdout = asc.createMemoryStream()
  const stderr = asc.createMemoryStream()
  let binary
  /** Of the kernel: what the compiler has read, and so what was edited. */
  const seen = new Set()
  const { error } = await asc.main(
    [relative(root, entry), '--baseDir', root, '--outFile', 'kernel.wasm', ...ASC_OPTIONS, ...flavours[flavour]],
    {
      stdout,
      stderr,
      readFile: (file, base) => {
        const path = join(base, file)
        let source
        try {
          source = readFileSync(path, 'utf8')
        } catch {
          return null
        }
        const name = relative(sourceFolder, path).replaceAll('\\', '/')
        if (name.startsWith('..')) return source
        seen.add(name)
        const edited = withDecorators(name, edit(name, source))
        return flavour === 'explore' && name !== accesses ? withPoints(name, edited) : edited
      },
      writeFile: (file, content) => {
        if (file.endsWith('.wasm')) binary = content
      },
    },
  )
  const said = `${stdout}${stderr}`.trim()
  if (error || !binary) throw new KernelError(`asc could not compile the ${flavour} flavour\n\n${said || error?.stack}`)
  const unread = sources().filter(name => !seen.has(name))
  if (unread.length > 0) throw new KernelError(`nothing imports ${unread.join(', ')}`)
  if (flavour === 'explore') binary = await asyncified(binary)
  checkModule(flavour, binary)
  return { binary, said }
}

// asc's own pass does not know which imports may suspend, and fails at imports that take strings (binaryen#3739).
async function asyncified(binary) {
  const compiler = createRequire(createRequire(import.meta.url).resolve('assemblyscript/package.json'))
  const { default: binaryen } = await import(pathToFileURL(compiler.resolve('binaryen')).href)
  const module = binaryen.readBinary(binary)
  const suspending = ['yieldPoint', ...points.map(({ point }) => point)]
  binaryen.setPassArgument('asyncify-imports', suspending.map(name => `atomics.${name}`).join(','))
  module.runPasses(['asyncify'])
  const made = module.emitBinary()
  module.dispose()
  return made
}

// Every thread instantiates the module over the same memory. An active segment would be written again each time, over
// whatever the map has there by then.
function checkModule(name, bytes) {
  const { segments, memory } = readModule(bytes)
  const active = segments.filter(segment => segment.active)
  if (active.length > 0) {
    const list = active.map(({ offset, bytes }) => `  at ${offset}, ${bytes.length} bytes: ${excerpt(bytes)}`)
    throw new KernelError(
      `the ${name} flavour has ${active.length} active data segment(s), which every instance would write over the map.\n` +
        `${list.join('\n')}\nThey come from string literals, StaticArray or array literals, or memory.data(): use code or constants instead.`,
    )
  }
  if (!memory?.shared || memory.maximum !== 65536) {
    throw new KernelError(
      `the ${name} flavour must import a shared memory of at most 65536 pages; it has ${JSON.stringify(memory)}`,
    )
  }
}

function excerpt(bytes) {
  const text = Buffer.from(bytes).toString('latin1').replaceAll('\0', '')
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}
