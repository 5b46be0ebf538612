/** Faults of the control plane. */
import { setTimeout as delay } from 'node:timers/promises'
import { shareEffect } from '../../load/effects.js'
import { Steps } from '../../subjects/steps.js'
import { type Fault, type Planted, SUPERVISOR_MS, type Target } from './fault.js'

const CUT_S = { whole: 60, full: 600 }
const EFFECT_MS = 30_000
const NO_PROCESS = 'it is controlled by files and commands, no process'

export const CONTROL_FAULTS: readonly Fault[] = [
  {
    name: 'kill-control',
    title: 'SIGKILL of the control plane',
    pair: 'as it comes',
    seconds: 6,
    share: 0.25,
    hasNewConnections: true,
    lack: ({ pair }) => (pair.restartControl === undefined ? NO_PROCESS : undefined),
    async plant({ running: { pair } }) {
      await pair.killControl?.()
      await delay(2 * SUPERVISOR_MS)
      await pair.restartControl?.()
      return {}
    },
  },
  {
    name: 'control-cut',
    title: `the link to the control plane is cut for ${CUT_S.whole} s (${CUT_S.full} s with --full)`,
    pair: 'linked',
    seconds: CUT_S.whole + 1,
    share: 0.25,
    hasNewConnections: true,
    lack: ({ adapter }) => (adapter.controlPort === undefined ? NO_PROCESS : undefined),
    plant: (target, context) => cutControl(target, CUT_S[context.full ? 'full' : 'whole'] * 1000, context.signal),
  },
]

/** Cuts the link to the control plane, commands a change meanwhile, and waits for its effect after the end of the cut. */
export async function cutControl(target: Target, ms: number, signal: AbortSignal): Promise<Planted> {
  const { control } = target.links
  const { pair } = target.running
  await control?.change({ isCut: true })
  const commanded = await command(target)
  await delay(ms, undefined, { signal })
  const before = commanded === undefined ? undefined : effectOf(target, commanded)
  const joined = performance.now()
  await control?.change({ isCut: false })
  if (commanded === undefined) return {}
  await target.stream.until(() => effectOf(target, commanded) !== undefined, EFFECT_MS)
  const after = effectOf(target, commanded)
  await pair.canary(pair.plan.canary, new Steps())
  if (before !== undefined) return { note: `a change took effect in spite of the cut, after ${before.toFixed(0)} ms` }
  return {
    note:
      after === undefined
        ? `a change that was commanded meanwhile had no effect within ${EFFECT_MS / 1000} s after the cut`
        : `a change that was commanded meanwhile took effect ${Math.max(0, commanded + after - joined).toFixed(0)} ms after the cut`,
  }
}

/** Gives all requests to the canary, where the proxy offers it. @returns when */
async function command({ running: { adapter, pair } }: Target): Promise<number | undefined> {
  if (adapter.lacks.canary !== undefined) return undefined
  const at = performance.now()
  await pair.canary(1, new Steps())
  return at
}

/** Milliseconds from the command to its full effect; undefined: it has none yet. */
function effectOf({ stream }: Target, commanded: number): number | undefined {
  return shareEffect(stream.answers, commanded, 'canary').full
}
