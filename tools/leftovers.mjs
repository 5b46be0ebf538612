// What earlier builds of moved or deleted sources left behind: a packed library would carry it, and a test would find it.
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Where sources are compiled to, in each package. */
const OUTPUTS = [
  ['src', 'dist'],
  ['test', 'build/test'],
]
/** Made of other outputs by web-modules.mjs, which makes the folder anew each time. */
const NOT_COMPILED = /^web(\/|\\|$)/
const COMPILED = /\.(?:d\.ts|js|js\.map)$/
/** Written by build-kernel.mjs. */
const GENERATED = ['bridge/layout.generated.ts', 'bridge/wasm.generated.ts']

/** Removes what no source has made. Returns the files' paths, relative to `root`. */
export function removeLeftovers(root) {
  const removed = []
  const remove = file => {
    rmSync(file)
    removed.push(relative(root, file))
  }
  for (const name of readdirSync(join(root, 'packages'))) {
    const base = join(root, 'packages', name)
    for (const file of filesOf(join(base, 'src'))) {
      const path = relative(join(base, 'src'), file).replaceAll('\\', '/')
      if (path.endsWith('.generated.ts') && !GENERATED.includes(path)) remove(file)
    }
    removeEmpty(join(base, 'src'))
    for (const [source, output] of OUTPUTS) {
      for (const file of filesOf(join(base, output))) {
        const path = relative(join(base, output), file)
        if (NOT_COMPILED.test(path) || !COMPILED.test(path)) continue
        if (!existsSync(join(base, source, path.replace(COMPILED, '.ts')))) remove(file)
      }
      removeEmpty(join(base, output))
    }
  }
  return removed
}

function filesOf(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry =>
    entry.isDirectory() ? filesOf(join(folder, entry.name)) : [join(folder, entry.name)],
  )
}

/** Removes folders without files, from the deepest one up. */
function removeEmpty(folder) {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name))
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}
