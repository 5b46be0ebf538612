/** Proxies that no package has: their paths are given, or they are on PATH. */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { UsageError } from '@threadmap/workbench/errors'
import { linkerdProblem } from '../subjects/linkerd.js'
import { sha256 } from './fetch.js'
import { type Binary, type Found, isProgram, onPath } from './installed.js'

export interface GivenPaths {
  /** linkerd2-proxy. */
  readonly linkerd?: string | undefined
  /** istiod, Istio's control plane (pilot-discovery). */
  readonly istiod?: string | undefined
}

const BUILD = 'no package has it: build it from its repository'

/** The proxies of a folder, and those given by path. `UsageError` for a path that is no program. */
export function withGiven(found: Found, paths: GivenPaths): Found {
  const binaries = [...found.binaries]
  const absent = [...found.absent]
  const linkerd = programAt('--linkerd', paths.linkerd, 'linkerd2-proxy')
  const problem = linkerd === undefined ? `${BUILD}, and give its path with --linkerd` : linkerdProblem()
  if (linkerd === undefined || problem !== undefined) absent.push({ subject: 'linkerd2-proxy', why: problem ?? BUILD })
  else binaries.push(binaryOf('linkerd2-proxy', linkerd, linkerdVersion(linkerd)))
  const istiod = programAt('--istiod', paths.istiod, 'istiod')
  const envoy = found.binaries.find(({ subject }) => subject === 'envoy')
  if (istiod === undefined) absent.push({ subject: 'istiod', why: `${BUILD}, and give its path with --istiod` })
  else if (envoy === undefined) absent.push({ subject: 'istiod', why: 'it controls Envoy, which is not installed' })
  else binaries.push({ ...binaryOf('istiod', istiod, istiodVersion(istiod)), helper: envoy.path })
  return { binaries, absent }
}

function programAt(flag: string, path: string | undefined, name: string): string | undefined {
  if (path === undefined) return onPath(name)
  const whole = resolve(path)
  if (!isProgram(whole)) throw new UsageError(`${flag}: ${whole} is no program; give the path of ${name} itself`)
  return whole
}

function binaryOf(subject: string, path: string, version: string): Binary {
  return { subject, path, version, sha256: sha256(path), origin: 'given by path', env: {} }
}

function said(path: string, args: readonly string[], env: Record<string, string>): string {
  const { stdout, stderr } = spawnSync(path, [...args], { env, encoding: 'utf8', timeout: 10_000 })
  return `${stdout ?? ''}${stderr ?? ''}`
}

/** It has no flag for it, but names itself before it complains that it is not configured. */
function linkerdVersion(path: string): string {
  const text = said(path, [], { LINKERD2_PROXY_LOG: 'linkerd=info', LINKERD2_PROXY_LOG_FORMAT: 'plain' })
  return /(?:release|debug) (\d\S*)/.exec(text)?.[1] ?? 'unknown'
}

function istiodVersion(path: string): string {
  return /[\w.-]*\d[\w.-]*/.exec(said(path, ['version', '--short'], { PATH: process.env.PATH ?? '' }))?.[0] ?? 'unknown'
}
