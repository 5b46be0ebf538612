/** Faults of the network between two sidecars: our link delays, loses, is cut, drops what is open. */
import { setTimeout as delay } from 'node:timers/promises'
import type { LinkCommand } from '../../links/protocol.js'
import { STALL_MS } from '../../links/protocol.js'
import type { Fault } from './fault.js'

const DELAY_MS = 20
const LOSS = 0.02
const DURATION_MS = 1000

/** The link between the sidecars is so for a while. */
function worse(command: LinkCommand, ms: number): Pick<Fault, 'pair' | 'seconds' | 'lack' | 'plant'> {
  return {
    pair: 'linked',
    seconds: ms / 1000,
    lack: ({ adapter }) => adapter.lacks.link,
    async plant({ links: { peer } }) {
      await peer?.change(command)
      await delay(ms)
      await peer?.change({ delayMs: 0, loss: 0, isCut: false })
      return {}
    },
  }
}

export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: 'delay',
    title: `the link between the sidecars delays by ${DELAY_MS} ms in each direction, for ${DURATION_MS / 1000} s`,
    ...worse({ delayMs: DELAY_MS }, DURATION_MS),
  },
  {
    name: 'loss',
    title: `the link between the sidecars stalls ${LOSS * 100}% of the pieces by ${STALL_MS} ms, for ${DURATION_MS / 1000} s`,
    ...worse({ loss: LOSS }, DURATION_MS),
  },
  {
    name: 'cut',
    title: `the link between the sidecars is cut for ${DURATION_MS / 1000} s`,
    ...worse({ isCut: true }, DURATION_MS),
  },
  {
    name: 'drop',
    title: 'the link between the sidecars resets all connections',
    ...worse({ drop: true }, 0),
  },
]
