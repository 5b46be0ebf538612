/**
 * The versions of Node that a run measures: the one that runs it, and the npm packages with the Node binary that the tests install into
 * tools/runtimes. Without those packages there is one column.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface Runtime {
  /** `Node 24`: the column's head. */
  readonly name: string
  readonly execPath: string
  /** `24.21.0 (V8 13.6)` */
  readonly version: string
}

/** In the order of the columns: most people run the first. */
const MAJORS = [24, 20, 26, 22]
/** What is measured without `--node`. */
const USUAL = [24, 20, 26]

/** Thrown for a `--node` that is not installed. */
export class NoSuchNode extends Error {
  override name = 'NoSuchNode'
}

/** The runtimes of `--node 24,20`; without it, those of `USUAL` that there are, and in any case the one that runs this program. */
export function runtimes(wanted: string | undefined): Runtime[] {
  const own = Number(process.versions.node.split('.')[0])
  const majors = wanted === undefined ? [...new Set([...USUAL, own])] : wanted.split(',').map(Number)
  const order = (major: number): number => (MAJORS.includes(major) ? MAJORS.indexOf(major) : MAJORS.length)
  return majors
    .sort((a, b) => order(a) - order(b))
    .flatMap(major => {
      const found = find(major, own)
      if (found === undefined && wanted !== undefined) {
        throw new NoSuchNode(
          `--node ${wanted}: there is no Node ${major} in tools/runtimes; run npm test once, which installs it`,
        )
      }
      return found === undefined ? [] : [found]
    })
}

function find(major: number, own: number): Runtime | undefined {
  const execPath =
    major === own
      ? process.execPath
      : fileURLToPath(new URL(`../../../tools/runtimes/node_modules/node${major}/bin/node`, import.meta.url))
  if (!existsSync(execPath)) return undefined
  const { stdout } = spawnSync(execPath, ['-p', "process.versions.node + ' ' + process.versions.v8"], {
    encoding: 'utf8',
  })
  const [node, v8] = stdout.trim().split(' ')
  if (v8 === undefined) return undefined
  return { name: `Node ${major}`, execPath, version: `Node ${node} (V8 ${v8.split('.').slice(0, 2).join('.')})` }
}
