// Makes a checkout ready: installs, builds the kernel, compiles everything. Skips each step that is up to date.
// Usage: node tools/setup.mjs [--quiet] [--app]      --app: only what `npm start` runs, no tests and benchmarks
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** @param {{ quiet?: boolean, app?: boolean }} options */
export async function setup({ quiet = false, app = false } = {}) {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 20) stop(`Node.js 20 or newer is needed; this is ${process.version} (${process.execPath})`)

  // Imported only now: its imports may be too new for an older Node, whose user should read the message above.
  const { install, SetupError } = await import('./install.mjs')
  const { removeLeftovers } = await import('./leftovers.mjs')
  try {
    install(root, { quiet })
  } catch (error) {
    if (error instanceof SetupError) stop(error.message)
    throw error
  }

  const kernel = [
    'packages/threadmap/tools/build-kernel.mjs',
    ...(quiet ? ['--quiet'] : []),
    ...(app ? ['--main'] : []),
  ]
  run(kernel, 'the kernel does not compile')
  const removed = removeLeftovers(root)
  if (removed.length > 0 && !quiet) console.log(`removed: ${removed.length} files whose sources have moved or gone`)
  const started = performance.now()
  run(['node_modules/typescript/bin/tsc', '-b', ...(app ? ['packages/lab'] : [])], 'TypeScript found errors')
  run(['packages/threadmap/tools/web-modules.mjs'], 'the modules for pages without a bundler could not be written')
  if (!quiet) console.log(`tsc -b: ${((performance.now() - started) / 1000).toFixed(1)} s`)
}

function run([script, ...args], failure) {
  if (!existsSync(join(root, script))) stop(`${script} is missing`)
  const { status, signal, error } = spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) stop(`${failure} (${error?.message ?? signal ?? `exit code ${status}`})`)
}

function stop(message) {
  console.error(`setup: ${message}`)
  process.exit(1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flags = new Set(process.argv.slice(2))
  await setup({ quiet: flags.has('--quiet'), app: flags.has('--app') })
}
