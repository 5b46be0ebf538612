/** The proxies of an install folder: what `threadmap mesh install` wrote there. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { SOURCES } from './packages.js'

/** A proxy that can be run. */
export interface Binary {
  readonly subject: string
  readonly path: string
  /** As the binary itself says. */
  readonly version: string
  readonly sha256: string
  /** The package it comes from, or where it was found. */
  readonly origin: string
  readonly env: Readonly<Record<string, string>>
  /** Another program that it needs: the proxy of a control plane. */
  readonly helper?: string
}

export const MANIFEST = 'proxies.json'

/** The folder of the proxies: `flag`, the environment's `THREADMAP_PROXIES`, or `.threadmap/proxies`. */
export function proxiesFolder(flag: string | undefined): string {
  return flag ?? process.env.THREADMAP_PROXIES ?? join('.threadmap', 'proxies')
}

/** Subjects that are Envoy, controlled or configured in other ways. */
const OF_ENVOY = ['envoy-xds', 'envoy-istio-like', 'envoy-consul-like', 'envoy-osm-like']

export interface Found {
  readonly binaries: readonly Binary[]
  /** Subjects that are not there, with what to do. */
  readonly absent: readonly { readonly subject: string; readonly why: string }[]
}

/** The proxies of a folder; those that are absent are named. */
export function findProxies(folder: string): Found {
  const installed = readManifest(folder).filter(({ path }) => isProgram(path))
  // The same program, controlled in another way, is a subject of its own.
  const binaries = installed.flatMap(binary =>
    binary.subject === 'envoy' ? [binary, ...OF_ENVOY.map(subject => ({ ...binary, subject }))] : [binary],
  )
  const absent = SOURCES.filter(({ subject }) => !binaries.some(each => each.subject === subject)).map(
    ({ subject }) => ({
      subject,
      why: `not in ${folder}; run "threadmap mesh install ${folder}"`,
    }),
  )
  return { binaries, absent }
}

function readManifest(folder: string): Binary[] {
  try {
    const list: unknown = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'))
    return Array.isArray(list) ? (list as Binary[]).map(each => resolved(each, folder)) : []
  } catch {
    return []
  }
}

/** Paths in the manifest start at its folder, so that the folder can be moved. */
function resolved(binary: Binary, folder: string): Binary {
  const env = Object.fromEntries(Object.entries(binary.env).map(([name, path]) => [name, join(folder, path)]))
  return { ...binary, path: join(folder, binary.path), env }
}

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The path of a program on PATH, or undefined. */
export function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== '')
  return folders.map(folder => join(folder, name)).find(isProgram)
}
