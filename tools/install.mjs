// Installs the packages that package-lock.json names, if node_modules lacks one. Imports Node's own modules only, since it runs first.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export class SetupError extends Error {}

/**
 * Whether node_modules has the packages of the lock file. npm writes the installed packages into a lock file of its own. Times of
 * files would not tell, since `git checkout` and `npm install` both touch package-lock.json last.
 * @param {string} folder
 */
export function isInstalled(folder) {
  const installed = join(folder, 'node_modules/.package-lock.json')
  if (!existsSync(installed)) return false
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (!path.includes('node_modules/')) return true
    const found = present[path]
    // An optional package may be for another platform.
    return found ? found.version === version : optional === true
  })
}

/**
 * @param {string} folder with package.json and package-lock.json
 * @param {{ quiet?: boolean, scripts?: boolean }} options `scripts: false` runs no install scripts
 * @returns {boolean} whether anything was done
 */
export function install(folder, { quiet = false, scripts = true } = {}) {
  if (isInstalled(folder)) return false
  const options = ['--no-audit', '--no-fund', ...(scripts ? [] : ['--ignore-scripts'])]
  if (!quiet) console.log(`installing the dependencies of ${folder} (npm ci)`)
  const first = npm(['ci', ...options], folder)
  if (first.ok) return true
  if (first.network) throw new SetupError(unreachable(first.output))
  console.error(`npm ci failed (${firstError(first.output)}); trying npm install`)
  const second = npm(['install', ...options], folder)
  if (second.ok) return true
  if (second.network) throw new SetupError(unreachable(second.output))
  throw new SetupError(`npm could not install the dependencies of ${folder}:\n${second.output.trim()}`)
}

/**
 * Runs npm, the one that runs us if there is one.
 * @param {string[]} args
 * @param {string} cwd
 */
export function npm(args, cwd) {
  const viaNode = process.env.npm_execpath?.endsWith('.js') && existsSync(process.env.npm_execpath)
  const command = viaNode ? process.execPath : 'npm'
  const result = spawnSync(command, viaNode ? [process.env.npm_execpath, ...args] : args, {
    cwd,
    env: withoutScriptVariables(process.env),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
    // npm is a .cmd file on Windows, which only a shell can start.
    shell: !viaNode && process.platform === 'win32',
  })
  if (result.error?.code === 'ENOENT') {
    throw new SetupError('npm is not on the PATH: it is needed to install the dependencies (it comes with Node.js)')
  }
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`
  const network = /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT/.test(output)
  return { ok: result.status === 0, stdout: result.stdout ?? '', output, network }
}

// The variables that `npm run` sets for its script describe that run and that package, not the npm that starts here. Settings of the
// user (npm_config_registry and so on) stay.
function withoutScriptVariables(environment) {
  const ours = /^(npm_(lifecycle|package)_|npm_command$|npm_config_(local_prefix|workspace)|INIT_CWD$)/
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !ours.test(name)))
}

function firstError(output) {
  const line = output.split('\n').find(text => /^npm (error|ERR!) /.test(text) && !/ code /.test(text))
  return line?.replace(/^npm (error|ERR!) /, '') ?? 'no reason given'
}

function unreachable(output) {
  return `the npm registry can't be reached, and the dependencies are not installed (${firstError(output)})`
}
