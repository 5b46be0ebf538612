/** Faults of the server behind a pair. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Mode } from '../../topology/protocol.js'
import { SLOW_MS, TRICKLE_MS } from '../../topology/protocol.js'
import type { Fault } from './fault.js'

/** The server behind the pair behaves so for `ms`. */
function misbehaving(how: Mode, ms: number): Pick<Fault, 'seconds' | 'plant'> {
  return {
    seconds: ms / 1000,
    async plant(_, { topology }) {
      await topology.origin.behave(how)
      await delay(ms)
      await topology.origin.behave('normal')
      return {}
    },
  }
}

export const UPSTREAM_FAULTS: readonly Fault[] = [
  {
    name: 'slow',
    title: `the server answers ${SLOW_MS} ms late for 1 s`,
    pair: 'as it comes',
    ...misbehaving('slow', 1000),
  },
  {
    name: 'trickle',
    title: `the server sends its answers in pieces over ${TRICKLE_MS} ms, for 1 s`,
    pair: 'as it comes',
    ...misbehaving('trickle', 1000),
  },
  {
    name: 'closing',
    title: 'the server closes the connection in place of every fifth answer, for 1 s',
    pair: 'retries',
    ...misbehaving('closing', 1000),
  },
  {
    name: 'half-closed',
    title: 'the server ends its half of the connection in the middle of its answers, for 0.5 s',
    pair: 'as it comes',
    ...misbehaving('half-closed', 500),
  },
  {
    name: 'reset',
    title: 'the server resets the connection in the middle of its answers, for 0.5 s',
    pair: 'as it comes',
    ...misbehaving('reset', 500),
  },
]
