/** Servers of another program, each with one cause planted: what the step load names with the probe, and without it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { HttpTarget } from '@threadmap/workbench/load/http-target'
import { attributeForeign, PROBE_HINT } from '#lab/experiments/step/foreign/attribution.js'
import { ForeignServer } from '#lab/experiments/step/foreign/watch.js'
import { type Attribution, chainText, type Resource } from '#lab/experiments/step/knee/attribution.js'
import { foreignServer } from '#lab/experiments/step/load/foreign.js'
import type { Step } from '#lab/experiments/step/series.js'

const never = new AbortController().signal
const program = join(dirname(fileURLToPath(import.meta.url)), '../../support/own-server.js')
/** How long a measurement is repeated that other programs spoil: then the cores are what runs out, rightly. */
const PATIENCE_MS = 60_000

/** The server's program, and how long it holds a request, in ms. */
interface Planted {
  readonly kind: string
  readonly holdMs: number
}

async function start(t: TestContext, { kind, holdMs }: Planted, hasProbe: boolean): Promise<string> {
  const flags = hasProbe ? ['--import', import.meta.resolve('@threadmap/lab/probe')] : []
  const child = spawn(process.execPath, [...flags, program, kind, `${holdMs}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return `http://127.0.0.1:${Number(line)}/`
}

interface Blamed {
  readonly cause: Attribution
  readonly steps: readonly Step[]
  readonly server: ForeignServer
  readonly target: HttpTarget
}

/** One request after another, then far more than the server can do. */
async function blame(t: TestContext, planted: Planted, hasProbe: boolean): Promise<Blamed> {
  const url = await start(t, planted, hasProbe)
  const foreign = await foreignServer(url, false)
  let server = await ForeignServer.find(foreign)
  // The probe begins to listen a moment after the program.
  const limit = performance.now() + PATIENCE_MS
  while (hasProbe && server.workers === 0 && performance.now() < limit) {
    await sleep(100)
    server = await ForeignServer.find(foreign)
  }
  const { destination, request } = foreign
  const about = { name: url, destinations: [destination], requests: [request], generators: 1, signal: never, server }
  const target = await HttpTarget.start(about)
  t.after(() => target.stop())
  const measure = async (): Promise<Blamed> => {
    const alone = await target.step({ clients: 1, rate: null, warmUpMs: 200, ms: 600, seed: 1 })
    const steps = [
      await target.step({ clients: 2, rate: 2, warmUpMs: 100, ms: 1000, seed: 1 }),
      // Two and a half times what it can do.
      await target.step({ clients: 20, rate: 2500 / planted.holdMs, warmUpMs: 300, ms: 1500, seed: 2 }),
    ]
    return { cause: attributeForeign(steps, 1, 2, alone.latency.p50 / 1000), steps, server, target }
  }
  let found = await measure()
  const end = performance.now() + PATIENCE_MS
  while (found.cause.resource === 'cores' && performance.now() < end) found = await measure()
  return found
}

/** On a machine that others keep full, the cores are the truth. */
const isSpoilt = ({ cause }: Blamed) => /^the cores, \d+% of whose time other programs have/.test(cause.name)

describe('with the probe the planted cause is named', { concurrency: 2 }, () => {
  const causes: readonly (readonly [string, readonly number[], Resource, RegExp])[] = [
    ['json', [5, 40], 'event loop', /^the event loop of the main thread, which computes$/],
    ['mutex', [5, 40], 'async lock', /one is served at a time, as behind an async lock/],
    ['zlib', [10], 'thread pool', /^libuv's thread pool of 4 threads \(it computes: zlib/],
    ['worker', [5, 40], 'event loop', /^the event loop of the worker \d+ \(own-server\.js\), which computes$/],
  ]
  const planted = causes.flatMap(([kind, holds, ...cause]) => holds.map(holdMs => ({ kind, holdMs, cause })))
  for (const {
    kind,
    holdMs,
    cause: [resource, name],
  } of planted) {
    test(`${kind}, ${holdMs} ms`, async t => {
      const found = await blame(t, { kind, holdMs }, true)
      const { cause, steps, server, target } = found
      const inner = steps[1].resources.inner
      assert.equal(inner?.seenBy, 'probe')
      const said = `${cause.name}: ${chainText(cause)}; ${JSON.stringify(steps[1].resources)}`
      if (!isSpoilt(found)) {
        assert.equal(cause.resource, resource, said)
        assert.match(cause.name, name, said)
      }
      if (kind !== 'json' || holdMs < 40) return
      const loop = inner?.threads.find(({ isLoop }) => isLoop)
      assert.ok((loop?.active ?? 0) > 0.5, said)
      const loaded = target.step({ clients: 20, rate: 120, warmUpMs: 0, ms: 2000, seed: 3 })
      const [hot] = await Promise.all([server.profile(loop!, 1000), loaded])
      assert.ok(
        hot.some(each => each.name === 'parseBusily' && each.place.startsWith('own-server.js:')),
        JSON.stringify(hot),
      )
    })
  }
})

test('without the probe the line says how to get it, and Linux tells of the threads', {
  skip: process.platform !== 'linux',
}, async t => {
  const found = await blame(t, { kind: 'mutex', holdMs: 40 }, false)
  assert.equal(found.steps[1].resources.inner?.seenBy, 'system')
  assert.ok(found.cause.name.includes(PROBE_HINT), found.cause.name)
  if (!isSpoilt(found)) assert.equal(found.cause.resource, 'async lock', found.cause.name)
})
