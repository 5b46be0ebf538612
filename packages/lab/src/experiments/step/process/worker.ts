/** One worker that uses a map in its own process: the orders of the order API without HTTP, in an open or closed loop. */
import { performance } from 'node:perf_hooks'
import { Arrivals } from '@threadmap/workbench/load/arrivals'
import type { StepCommand, StepReply } from '@threadmap/workbench/load/protocol'
import { Tally, TIME_OUT_MS } from '@threadmap/workbench/load/tally'
import { attachMap } from '@threadmap/workbench/subjects/maps'
import { serve } from '@threadmap/workbench/threads/serve'
import { ThreadWatch } from '@threadmap/workbench/threads/time'
import type { MapHandle } from 'threadmap'
import { type Entry, order, product, productOf, REQUESTS_PER_ORDER } from '../server/orders.js'

export interface ProcessSetup {
  readonly handle: MapHandle<string, Entry>
}

/** The shortest sleep, in ms: a shorter one would take less time than its wake-up. */
const SPIN_MS = 2

const asleep = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

await serve<ProcessSetup, StepCommand, StepReply>(({ handle }, { index, meet }) => {
  const map = attachMap(handle)
  let number = index * 7919
  const request = () => {
    const id = productOf(++number)
    if (number % REQUESTS_PER_ORDER === 0) return order(map, index, number, id, 1) !== undefined
    return product(map, id) !== undefined
  }
  return ({ rate, warmUpMs, ms, seed }) => {
    meet()
    const watch = new ThreadWatch()
    const began = performance.now()
    const window = { from: began + warmUpMs, until: began + warmUpMs + ms }
    const tally = new Tally(window)
    const arrivals = rate === null ? undefined : new Arrivals(rate, began, window.until, seed + index)
    let inside = 0
    let now = began
    while (now < window.until || (arrivals !== undefined && arrivals.due !== Number.POSITIVE_INFINITY)) {
      const intended = arrivals?.due ?? now
      if (intended > now) {
        const gap = Math.min(intended, window.until) - now
        if (gap > SPIN_MS) Atomics.wait(asleep, 0, 0, gap - SPIN_MS / 2)
        now = performance.now()
        continue
      }
      arrivals?.advance()
      const sent = now
      if (sent - intended >= TIME_OUT_MS) {
        tally.failed('timedOut', intended, sent, sent)
        continue
      }
      const succeeded = request()
      now = performance.now()
      inside += now - sent
      if (succeeded) tally.succeeded(intended, sent, now)
      else tally.failed('other', intended, sent, now)
    }
    const time = watch.stop()
    return { counts: tally.counts(), time: { ...time, active: Math.min(1, inside / time.ms) } }
  }
})
