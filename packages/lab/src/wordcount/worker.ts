/** One thread of a trial: a worker that makes words, or the owner that gathers what the workers counted. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import * as counting from './counting.js'
import { type Assignment, Control, type Counts, Phase, type Report } from './protocol.js'
import { attachMap, createMap, type WordMap } from './subjects.js'
import { eachWord } from './words.js'

/** Bytes that each thread first counts into a map of its own, so that no measured time goes into V8's compiling. */
const WARM_UP_BYTES = 1024 * 1024

const { role, index, way, text, cuts, control, handle, ports } = workerData as Assignment
const bytes = Buffer.from(text)
const chunks = cuts.length - 1
const warmUpChunks = Math.min(chunks, cuts.findIndex(cut => cut >= WARM_UP_BYTES) >>> 0)

if (role === 'owner') own()
else work()

function work(): void {
  const map = handle === undefined ? undefined : attachMap(handle)
  const counts: Counts = new Map()
  const counter = counterFor({ map, counts, port: ports[0], absorbed: control, at: Control.absorbed(index) })
  warmUp()
  const heapBefore = liveHeapBytes()
  report({ type: 'ready' })
  waitFor(Phase.work)

  const words = countChunks(counter, () => Atomics.add(control, Control.next, 1), chunks)
  report({ type: 'ended', endedAt: process.hrtime.bigint(), words })

  waitFor(Phase.weigh)
  const heapBytes = liveHeapBytes() - heapBefore
  report(way === 'own' ? { type: 'weighed', heapBytes, counts } : { type: 'weighed', heapBytes })
  map?.[Symbol.dispose]()
  for (const port of ports) port.close()
}

function own(): void {
  warmUp()
  const heapBefore = liveHeapBytes()
  const absorbed = (worker: number) => {
    Atomics.add(control, Control.absorbed(worker), 1)
    Atomics.notify(control, Control.absorbed(worker))
  }
  counting.gather(ports, absorbed, counts => {
    report({ type: 'ended', endedAt: process.hrtime.bigint(), words: 0 })
    waitFor(Phase.weigh)
    report({ type: 'weighed', heapBytes: liveHeapBytes() - heapBefore, counts })
    for (const port of ports) port.close()
  })
  report({ type: 'ready' })
}

interface Target {
  readonly map: WordMap | undefined
  readonly counts: Counts
  readonly port: Pick<MessagePort, 'postMessage'>
  readonly absorbed: Int32Array
  readonly at: number
}

function counterFor({ map, counts, port, absorbed, at }: Target): counting.Counter {
  if (map !== undefined) return counting.addTo(map)
  if (way === 'none') return counting.dropWords()
  if (way === 'merge') return counting.countAndPost(counts, port)
  if (way === 'messages') return counting.postWords(port, absorbed, at)
  return counting.countInto(counts)
}

/** The loop that all subjects run: take a chunk, make its words, pass each to the counter. */
function countChunks(counter: counting.Counter, take: () => number, end: number): number {
  let words = 0
  for (let chunk = take(); chunk < end; chunk = take()) {
    words += eachWord(bytes.toString('utf8', cuts[chunk], cuts[chunk + 1]), counter.visit)
  }
  counter.finish()
  return words
}

/** Warms up: does the work with a map, a port and a queue of this thread's own. */
function warmUp(): void {
  const map = handle === undefined ? undefined : createMap(handle.kind)
  const absorbed = new Int32Array(1)
  const port = {
    postMessage(message: unknown) {
      absorbed[0]++
      if (role === 'owner' && Array.isArray(message)) counting.countBatch(message, counts)
    },
  }
  const counts: Counts = new Map()
  let chunk = 0
  countChunks(counterFor({ map, counts, port, absorbed, at: 0 }), () => chunk++, warmUpChunks)
  map?.[Symbol.dispose]()
}

function report(message: Report): void {
  parentPort?.postMessage(message)
}

function waitFor(phase: number): void {
  for (let now = Atomics.load(control, Control.phase); now < phase; now = Atomics.load(control, Control.phase)) {
    Atomics.wait(control, Control.phase, now)
  }
}

/** Bytes in this thread's heap after a full collection (the team's flag provides `gc`), including strings that V8 keeps outside of the heap. */
function liveHeapBytes(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
