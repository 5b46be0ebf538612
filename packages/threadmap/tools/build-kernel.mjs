// Compiles the kernel (see compile-kernel.mjs) into its two flavours:
//   main     build/kernel.wasm, embedded in src/bridge/wasm.generated.ts, so that bundlers and browsers need no extra file
//   explore  build/kernel.explore.wasm
// Usage: node tools/build-kernel.mjs [--force] [--main] [--quiet]      --main leaves the explore flavour out
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { compileKernel, entry, hashOf, KernelError, layoutModule, root, sourceFolder } from './compile-kernel.mjs'

const embedded = join(root, 'src/bridge/wasm.generated.ts')
const layout = join(root, 'src/bridge/layout.generated.ts')
const outputs = { main: join(root, 'build/kernel.wasm'), explore: join(root, 'build/kernel.explore.wasm') }

const flags = new Set(process.argv.slice(2))
const quiet = flags.has('--quiet')

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

function embed(binary) {
  const text = Buffer.from(binary).toString('base64')
  replace(
    embedded,
    `// Made by tools/build-kernel.mjs from kernel/; do not edit.\nexport const KERNEL_BASE64 =\n  '${text}'\n`,
  )
}

function writeLayout() {
  const text = layoutModule(readFileSync(join(sourceFolder, 'layout.ts'), 'utf8'))
  if (!existsSync(layout) || readFileSync(layout, 'utf8') !== text) replace(layout, text)
}

async function build(flavour) {
  const wasm = outputs[flavour]
  const stamp = `${wasm}.hash`
  const hash = hashOf(flavour)
  const present = existsSync(wasm) && (flavour !== 'main' || existsSync(embedded)) && existsSync(stamp)
  if (!flags.has('--force') && present && readFileSync(stamp, 'utf8') === hash) return
  const started = performance.now()
  const { binary, said } = await compileKernel(flavour)
  // A warning is worth reading even where the build is quiet.
  if (said) console.error(said)
  replace(wasm, binary)
  if (flavour === 'main') embed(binary)
  replace(stamp, hash)
  if (!quiet) {
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`kernel: ${relative(root, wasm)} ${(binary.length / 1024).toFixed(1)} KiB in ${seconds} s`)
  }
}

if (!existsSync(entry)) fail(`there is no ${entry}`)
writeLayout()
try {
  await build('main')
  if (!flags.has('--main')) await build('explore')
} catch (error) {
  if (!(error instanceof KernelError)) throw error
  fail(error.message)
}
