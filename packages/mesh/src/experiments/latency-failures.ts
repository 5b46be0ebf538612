/** What the requests that failed in an experiment about latency tell: how they failed, and whether the machine had time for anything then. */
import { FAILURE_KINDS, type FailureKind } from '@threadmap/workbench/load/step'
import { TIME_OUT_MS } from '@threadmap/workbench/load/tally'
import { total } from '@threadmap/workbench/statistics'
import { failedOf, type PairStep } from '../load/pair-target.js'

/** A target, round by round. */
export interface Rounds {
  readonly name: string
  readonly steps: readonly PairStep[]
}

const WORDS: Readonly<Record<FailureKind, string>> = {
  timedOut: `no answer for ${TIME_OUT_MS / 1000} s`,
  refused: 'connection refused',
  closed: 'connection closed',
  status: 'status of 400 or above',
  other: 'others',
}

/**
 * A sentence for each target with requests that failed. It has the P99 of the direct connection in the same rounds: on a machine without time for
 * anything, requests of whoever has the turn fail, and say nothing about a proxy.
 */
export function failureFindings(all: readonly Rounds[], direct: Rounds | undefined): string[] {
  return all.flatMap(({ name, steps }) => {
    const rounds = [...steps.keys()].filter(at => failedOf(steps[at]) > 0)
    if (rounds.length === 0) return []
    const how = FAILURE_KINDS.map(kind => [kind, total(steps.map(({ failures }) => failures[kind]))] as const)
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => `${count} x ${WORDS[kind]}`)
    const beside = rounds.map(at => direct?.steps[at]?.latency.p99).filter(ms => ms !== undefined)
    const disturbed =
      beside.length === 0
        ? ''
        : `, in which the direct connection's P99 was ${beside.map(ms => `${ms.toFixed(0)} ms`).join(', ')}`
    const which = `round${rounds.length === 1 ? '' : 's'} ${rounds.map(at => at + 1).join(', ')} of ${steps.length}`
    return [`${name}: ${total(steps.map(failedOf))} requests failed (${how.join(', ')}) in ${which}${disturbed}.`]
  })
}
