import { SubjectError } from '@threadmap/workbench/errors'
import type { Subject } from '@threadmap/workbench/subjects/subject'
import { NotHere, SubjectTeam, sharedOperations } from '@threadmap/workbench/subjects/team'
import type { Workload } from '@threadmap/workbench/workload'

/** The rounds of one subject on a workload, in millions of operations per second. */
export interface SubjectRounds {
  readonly name: string
  readonly rounds: readonly number[]
}

export interface MeasureOptions {
  readonly threads: number
  readonly subjects: readonly Subject[]
  readonly rounds: number
  readonly ms: number
  readonly seed: number
  readonly signal: AbortSignal
  /** No workload begins later than this time of performance.now(); the first always runs. */
  readonly deadline?: number
  /** Called with each workload as it begins. */
  readonly onWorkload?: (index: number) => void
  /** Called with each subject that is left out. */
  readonly onLeftOut?: (subject: string, why: string) => void
}

/**
 * Measures workloads that have one number of threads, with one team of threads per subject throughout. In each round all subjects
 * run one after another, and each round begins with another subject: rounds of one index can be compared.
 */
export async function runWorkloads(
  workloads: readonly Workload[],
  options: MeasureOptions,
): Promise<SubjectRounds[][]> {
  const { threads, subjects, rounds, ms, seed, signal } = options
  const teams: SubjectTeam[] = []
  const gone = new Set<SubjectTeam>()
  /** A peer that is not installed, or that fails, is left out from here on; a failure of one of our maps is an error. */
  const leaveOut = (team: SubjectTeam, error: unknown): void => {
    const isPeer = team.subject.type === 'peer' && error instanceof SubjectError
    if (!isPeer && !(error instanceof NotHere)) throw error
    gone.add(team)
    options.onLeftOut?.(team.subject.name, (error as Error).message)
  }
  try {
    for (const subject of subjects) teams.push(await SubjectTeam.start({ subject, threads, signal }))
    const found: SubjectRounds[][] = []
    for (const [at, workload] of workloads.entries()) {
      if (at > 0 && performance.now() > (options.deadline ?? Number.POSITIVE_INFINITY)) break
      options.onWorkload?.(at)
      const list = sharedOperations(workload, seed)
      for (const team of teams) {
        if (gone.has(team)) continue
        try {
          await team.prepare(workload, list)
        } catch (error) {
          leaveOut(team, error)
        }
      }
      const running = teams.filter(team => !gone.has(team))
      const rates = new Map<SubjectTeam, number[]>(running.map(team => [team, []]))
      for (let round = 0; round < rounds; round++) {
        for (let turn = 0; turn < running.length; turn++) {
          const team = running[(turn + round) % running.length]
          if (gone.has(team)) continue
          try {
            const { rate } = await team.round({ ms, warmUpMs: round === 0 ? FIRST_WARM_UP_MS : WARM_UP_MS })
            rates.get(team)?.push(rate)
          } catch (error) {
            leaveOut(team, error)
          }
        }
      }
      const whole = running.filter(team => !gone.has(team))
      found.push(whole.map(team => ({ name: team.subject.name, rounds: rates.get(team) ?? [] })))
    }
    return found
  } finally {
    await Promise.all(teams.map(team => team.stop()))
  }
}

/** Warms up: fills caches, and lets V8 recompile code that it compiled for another workload. */
const FIRST_WARM_UP_MS = 15
const WARM_UP_MS = 3
