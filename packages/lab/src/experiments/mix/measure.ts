import type { Blocked } from '@threadmap/workbench/blocks'
import { SubjectError } from '@threadmap/workbench/errors'
import type { Subject } from '@threadmap/workbench/subjects/subject'
import { NotHere, SubjectTeam, sharedOperations } from '@threadmap/workbench/subjects/team'
import { disturbedBy, OthersWatch } from '@threadmap/workbench/threads/others'
import type { Workload } from '@threadmap/workbench/workload'

/** The rounds of one subject on a workload, in millions of operations per second. */
export interface SubjectRounds extends Blocked {
  readonly name: string
  /** Rounds of the same index ran side by side. Block after block; each block had fresh maps and fresh threads. */
  readonly rounds: readonly number[]
}

export interface MeasureOptions {
  readonly threads: number
  readonly subjects: readonly Subject[]
  /** How often everything begins anew, with fresh threads and maps; 1 without it. */
  readonly blocks?: number
  /** Rounds in each block. */
  readonly rounds: number
  readonly ms: number
  readonly seed: number
  readonly signal: AbortSignal
  /** No workload begins later than this time of performance.now(); the first always runs, in one block. */
  readonly deadline?: number
  /** Called with each workload as it begins, and with the number of its block. */
  readonly onWorkload?: (index: number, block: number) => void
  /** Called with each subject that is left out. */
  readonly onLeftOut?: (subject: string, why: string) => void
}

/**
 * Measures workloads that have one number of threads, in blocks: each block has one team of threads per subject, and runs all workloads,
 * so that the blocks of a workload are spread over the run. In each round all subjects run one after another, and each round
 * begins with another subject: rounds of one index can be compared.
 */
export async function runWorkloads(
  workloads: readonly Workload[],
  options: MeasureOptions,
): Promise<SubjectRounds[][]> {
  const { blocks = 1, rounds } = options
  const leftOut = new Set<string>()
  const found: SubjectRounds[][] = []
  const watch = new OthersWatch()
  for (let block = 0; block < blocks; block++) {
    const these = await runBlock(workloads.slice(0, block === 0 ? undefined : found.length), block, leftOut, options)
    for (const [at, subjects] of these.entries()) {
      const earlier = found[at]
      found[at] = subjects.map(({ name, rounds: own }) => {
        const before = earlier?.find(subject => subject.name === name)?.rounds ?? []
        return { name, perBlock: rounds, rounds: [...before, ...own] }
      })
    }
  }
  const others = disturbedBy(watch.stop())
  return found.map(subjects => subjects.map(subject => ({ ...subject, others })))
}

/** One block. Subjects that are left out are added to `leftOut`, and are not tried in later blocks. */
async function runBlock(
  workloads: readonly Workload[],
  block: number,
  leftOut: Set<string>,
  options: MeasureOptions,
): Promise<SubjectRounds[][]> {
  const { threads, rounds, ms, seed, signal } = options
  const subjects = options.subjects.filter(({ name }) => !leftOut.has(name))
  const teams: SubjectTeam[] = []
  const gone = new Set<SubjectTeam>()
  /** A peer that is not installed, or that fails, is left out from here on; a failure of one of our maps is an error. */
  const leaveOut = (team: SubjectTeam, error: unknown): void => {
    const isPeer = team.subject.type === 'peer' && error instanceof SubjectError
    if (!isPeer && !(error instanceof NotHere)) throw error
    gone.add(team)
    leftOut.add(team.subject.name)
    options.onLeftOut?.(team.subject.name, (error as Error).message)
  }
  try {
    for (const subject of subjects) teams.push(await SubjectTeam.start({ subject, threads, signal }))
    const found: SubjectRounds[][] = []
    for (const [at, workload] of workloads.entries()) {
      if (at + block > 0 && performance.now() > (options.deadline ?? Number.POSITIVE_INFINITY)) break
      options.onWorkload?.(at, block)
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
          const team = running[(turn + round + block) % running.length]
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
