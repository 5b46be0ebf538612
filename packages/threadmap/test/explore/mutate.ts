/**
 * Builds each planted fault of faults.ts into a copy of the package, outside of the sources, and runs the layers of the tests on it,
 * one after the other, until one finds it. Prints the table; --table FILE writes it as Markdown too.
 * Usage: npm run mutate [-- --only PATTERN] [--table FILE] [--all-layers]
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { type Fault, faults } from './faults.js'
import { type Layer, layers } from './layers.js'
import { AnchorGone, isCompiled, plant, root, sourceFile } from './plant.js'

type Edit = (name: string, source: string) => string
interface Compiler {
  compileKernel(flavour: 'main' | 'explore', edit: Edit): Promise<{ binary: Uint8Array }>
  layoutModule(source: string): string
}

const compiler = (await import(pathToFileURL(join(root, 'tools/compile-kernel.mjs')).href)) as Compiler

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    table: { type: 'string' },
    'all-layers': { type: 'boolean', default: false },
  },
})

function makeCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), 'threadmap-faults-'))
  const home = join(copy, 'packages/threadmap')
  mkdirSync(join(home, 'build'), { recursive: true })
  for (const name of ['package.json', 'dist', 'build/test', 'build/kernel.wasm', 'build/kernel.explore.wasm']) {
    cpSync(join(root, name), join(home, name), { recursive: true })
  }
  // The workspace's packages; the copy refers to itself by name.
  const modules = [join(root, 'node_modules'), join(root, '../../node_modules')]
  symlinkSync(modules.find(path => existsSync(join(path, 'assemblyscript')))!, join(copy, 'node_modules'), 'junction')
  return home
}

const pristine = [
  'dist/bridge/wasm.generated.js',
  'dist/bridge/layout.generated.js',
  'dist/bridge/check-memory.js',
] as const

/** Makes the copy a package with this fault. */
async function infect(home: string, fault: Fault): Promise<void> {
  for (const name of pristine) cpSync(join(root, name), join(home, name))
  if (isCompiled(fault)) {
    const file = sourceFile(fault)
    writeFileSync(join(home, file), plant(fault, readFileSync(join(root, file), 'utf8')))
    for (const name of ['build/kernel.wasm', 'build/kernel.explore.wasm']) cpSync(join(root, name), join(home, name))
    return
  }
  plant(fault, readFileSync(join(root, sourceFile(fault)), 'utf8'))
  const edit: Edit = (name, source) => (name === fault.file ? plant(fault, source) : source)
  const main = await compiler.compileKernel('main', edit)
  const explore = await compiler.compileKernel('explore', edit)
  writeFileSync(join(home, 'build/kernel.wasm'), main.binary)
  writeFileSync(join(home, 'build/kernel.explore.wasm'), explore.binary)
  const text = Buffer.from(main.binary).toString('base64')
  writeFileSync(join(home, pristine[0]), `export const KERNEL_BASE64 = '${text}'\n`)
  const layout = edit('layout.ts', readFileSync(join(root, 'kernel/layout.ts'), 'utf8'))
  writeFileSync(join(home, pristine[1]), compiler.layoutModule(layout))
}

/** The symptom by which the layer found the fault, or undefined if it did not find it. */
function run(home: string, layer: Layer, fault: Fault): Promise<string | undefined> {
  const child = spawn(process.execPath, [...layer.command(fault)], { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', data => {
    output += data
  })
  child.stderr.on('data', data => {
    output += data
  })
  let hung = false
  const timer = setTimeout(() => {
    hung = true
    child.kill('SIGKILL')
  }, layer.limit * 1000)
  return new Promise(resolve => {
    child.once('close', code => {
      clearTimeout(timer)
      resolve(hung ? 'it hangs' : code === 0 ? undefined : symptom(output))
    })
  })
}

/** The first line of the output that says what went wrong. */
function symptom(output: string): string {
  const lines = output.split('\n').map(line => line.trim())
  const signs = [
    /^(actual: )?.*died before.*$/,
    /^.*(the audit found|not linearizable|lost wake-up|the iteration|computed twice|torn|failed with).*$/,
    // The names of tests have the word, too.
    /^(?!# Subtest|(not )?ok ).*Error.*$/,
    /^not ok.*$/,
    /^✖.*$/,
  ]
  for (const sign of signs) {
    const line = lines.find(text => sign.test(text))
    if (line !== undefined)
      return line
        .replace(/\(at 0x.*?\)/g, '')
        .replace(/^actual: ['"]?/, '')
        .replace(/\s+/g, ' ')
        .slice(0, 140)
  }
  return 'it fails'
}

const home = makeCopy()
const rows: string[][] = []
let missed = 0
try {
  for (const fault of faults.filter(({ name }) => new RegExp(options.only).test(name))) {
    const started = performance.now()
    let caught: string[] = []
    let how = ''
    try {
      await infect(home, fault)
      // Faults of rule 7 are in what `attach` refuses, which no schedule runs: only the last layer does.
      for (const layer of fault.rule === 7 ? layers.slice(-1) : layers) {
        const seen = await run(home, layer, fault)
        if (seen === undefined) continue
        caught = [...caught, layer.name]
        how ||= seen
        if (!options['all-layers']) break
      }
    } catch (error) {
      how =
        error instanceof AnchorGone
          ? error.message
          : `it does not compile: ${(error as Error).message.split('\n').at(-1)}`
    }
    if (caught.length === 0) missed++
    const by = caught.length === 0 ? 'NOBODY' : caught.join(', ')
    rows.push([String(fault.rule), fault.name, `\`${fault.file}\``, by, how.replaceAll('|', '\\|')])
    const seconds = ((performance.now() - started) / 1000).toFixed(0)
    console.log(
      `${by === 'NOBODY' ? 'MISSED' : 'caught'}  rule ${fault.rule}  ${fault.name}: ${by} (${how}; ${seconds} s)`,
    )
  }
} finally {
  rmSync(dirname(dirname(home)), { recursive: true, force: true })
}
console.log(`${rows.length - missed} of ${rows.length} faults are caught`)
if (options.table !== undefined) {
  const head = ['rule', 'fault', 'file', 'caught by', 'what is seen first']
  const lines = [head, head.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`)
  writeFileSync(options.table, `${lines.join('\n')}\n`)
}
process.exitCode = missed > 0 ? 1 : 0
