// A project outside this repository, with the packed library and the tools of tools/users.
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { npm } from '../install.mjs'
import { root } from '../setup.mjs'

const modules = join(root, 'tools/users/node_modules')
const LIMIT = 180_000

/** The reason to skip tests with these tools; undefined if all tools are installed. */
export function missing(...tools) {
  const absent = tools.filter(tool => !existsSync(join(modules, tool)))
  return absent.length > 0 ? `${absent.join(', ')} not installed (npm ci in tools/users)` : undefined
}

export class Scratch {
  projects = 0

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'threadmap-users-'))
    const packed = npm(
      ['pack', '--json', '--ignore-scripts', '--pack-destination', this.folder],
      join(root, 'packages/threadmap'),
    )
    if (!packed.ok) throw new Error(packed.output)
    const [{ filename }] = Object.values(JSON.parse(packed.stdout))
    const at = join(this.folder, 'unpacked')
    const template = join(at, 'package.json')
    mkdirSync(at)
    cpSync(join(root, 'tools/users/project/package.json'), template)
    const installed = npm(
      ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', join(this.folder, filename)],
      at,
    )
    if (!installed.ok) throw new Error(installed.output)
    this.library = join(at, 'node_modules/threadmap')
  }

  /** A copy of this folder of the repository, with node_modules. */
  project(path) {
    const at = join(this.folder, `${++this.projects}-${path.split('/').at(-1)}`)
    cpSync(join(root, path), at, { recursive: true, filter: source => !source.includes('node_modules') })
    mkdirSync(join(at, 'node_modules'))
    cpSync(this.library, join(at, 'node_modules/threadmap'), { recursive: true })
    for (const name of readdirSync(modules)) {
      if (name !== 'threadmap') symlinkSync(join(modules, name), join(at, 'node_modules', name), 'junction')
    }
    return at
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Runs a script on Node (or `program`) to its end. */
export function run(args, cwd, { program = process.execPath, environment = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT,
      killSignal: 'SIGKILL',
      // The test runner's own variables would turn the program into a part of this run.
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: undefined,
        NODE_OPTIONS: undefined,
        FORCE_COLOR: undefined,
        NO_COLOR: '1',
        ...environment,
      },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text))
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, output: signal ? `${output}\n${signal}` : output }))
  })
}
