/** Certificates that expire all at one moment, as at midnight. */
import { setTimeout as delay } from 'node:timers/promises'
import { Steps } from '../../subjects/steps.js'
import type { Fault } from './fault.js'

/** How far off the moment is: the proxies have to take the certificates before it. */
const AHEAD_MS = 2500
/** A certificate is valid through the whole second of its end. */
const LAST_SECOND_MS = 1100
/** How long after the moment the operator renews the certificates. */
const RENEWED_MS = 1000

export const CERTIFICATE_FAULTS: readonly Fault[] = [
  {
    name: 'midnight',
    title: `the certificates of both sidecars expire at one moment, connections are made anew, and ${RENEWED_MS / 1000} s later the certificates`,
    pair: 'linked',
    seconds: (AHEAD_MS + LAST_SECOND_MS + RENEWED_MS) / 1000 + 0.5,
    share: 0.85,
    lack: ({ adapter: { lacks }, pair }) =>
      pair.trust === undefined ? (lacks.authority ?? lacks.rotate ?? 'it takes no other certificates') : lacks.link,
    async plant({ running: { pair }, links: { peer } }, { topology }) {
      const { authority } = topology.identities
      const give = async (notAfter?: Date) => {
        const options = notAfter === undefined ? {} : { notAfter }
        const [server, client] = await Promise.all(['server', 'client'].map(name => authority.issue(name, options)))
        const { authority: trusted, revocations } = pair.plan
        await pair.trust?.({ authority: trusted, revocations, server, client }, new Steps())
      }
      const midnight = Math.ceil((Date.now() + AHEAD_MS) / 1000) * 1000
      await give(new Date(midnight))
      // Connections that are open then were checked before, and are not checked again: only new ones see it.
      await delay(midnight + LAST_SECOND_MS - Date.now())
      const since = performance.now()
      await peer?.change({ drop: true })
      await delay(RENEWED_MS)
      await give()
      return { since, note: `new certificates were given after ${RENEWED_MS / 1000} s` }
    },
  },
]
