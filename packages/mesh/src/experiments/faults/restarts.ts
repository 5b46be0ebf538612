/** Restarts that keep the listener: at equal intervals, and at those of a Poisson process. */
import { setTimeout as delay } from 'node:timers/promises'
import { Arrivals } from '@threadmap/workbench/load/arrivals'
import { failureBound } from '../../load/effects.js'
import { Steps } from '../../subjects/steps.js'
import type { Fault } from './fault.js'

/** How many, and the seconds between two of them. */
const REGULAR = { whole: { count: 3, every: 1 }, full: { count: 12, every: 5 } }
/** The mean interval, in s. */
const MEAN_S = 2
const RATE = 500
/** How long, in s: `full` has 270,000 requests, since a share of 0.0012% takes 250,000 of them to be told from none. */
const POISSON_S = { whole: 10, full: 540 }

export const RESTART_FAULTS: readonly Fault[] = [
  {
    name: 'reload',
    title: 'reloads or hot restarts at equal intervals',
    pair: 'retries',
    seconds: 3.5,
    share: 0.75,
    lack: ({ adapter }) => adapter.lacks.reload,
    async plant({ running: { pair } }, { full }) {
      const { count, every } = REGULAR[full ? 'full' : 'whole']
      for (let i = 0; i < count; i++) {
        await pair.reload(new Steps())
        await delay(every * 1000)
      }
      return { note: `${count}, one every ${every} s` }
    },
  },
  {
    name: 'poisson',
    title: `reloads or hot restarts at Poisson intervals of ${MEAN_S} s in the mean`,
    pair: 'as it comes',
    rate: RATE,
    seconds: POISSON_S.whole,
    share: 0.75,
    lack: ({ adapter }) => adapter.lacks.reload,
    async plant({ running: { pair }, stream }, { full, seed, signal }) {
      const now = performance.now()
      const until = now + POISSON_S[full ? 'full' : 'whole'] * 1000
      const restarts = new Arrivals(1 / MEAN_S, now, until, seed)
      let count = 0
      for (; restarts.due < until; restarts.advance()) {
        // A restart that takes longer than an interval puts the next one off.
        await delay(Math.max(0, restarts.due - performance.now()), undefined, { signal })
        await pair.reload(new Steps())
        count++
      }
      await delay(Math.max(0, until - performance.now()), undefined, { signal })
      const requests = stream.answers.length
      const bound = (100 * failureBound(requests)).toPrecision(2)
      return { note: `${count} restarts; so many requests can tell shares of failures from ${bound}% on` }
    },
  },
]
