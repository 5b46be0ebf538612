import { SubjectError } from '../../errors.js'
import { NotHere, SubjectCrew, sharedOperations } from '../../subjects/crew.js'
import type { Subject } from '../../subjects/subject.js'
import type { Workload } from '../../workload.js'

/** What one subject made of a workload: millions of operations per second, one figure per round. */
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
  /** No workload is begun later than this (by performance.now()); the first always runs. */
  readonly deadline?: number
  /** Called with each workload as it begins. */
  readonly onWorkload?: (index: number) => void
  /** Called with each subject that is left out. */
  readonly onLeftOut?: (subject: string, why: string) => void
}

/**
 * Measures workloads of the same number of threads, with one crew of threads per subject throughout. In each round all subjects
 * run one after another, each round begun by another one: rounds of the same index can be compared.
 */
export async function runWorkloads(
  workloads: readonly Workload[],
  options: MeasureOptions,
): Promise<SubjectRounds[][]> {
  const { threads, subjects, rounds, ms, seed, signal } = options
  const crews: SubjectCrew[] = []
  const gone = new Set<SubjectCrew>()
  /** A peer that is not installed, or that fails, is left out from here on; that one of ours fails is an error. */
  const leaveOut = (crew: SubjectCrew, error: unknown): void => {
    const isPeer = crew.subject.type === 'peer' && error instanceof SubjectError
    if (!isPeer && !(error instanceof NotHere)) throw error
    gone.add(crew)
    options.onLeftOut?.(crew.subject.name, (error as Error).message)
  }
  try {
    for (const subject of subjects) crews.push(await SubjectCrew.start({ subject, threads, signal }))
    const found: SubjectRounds[][] = []
    for (const [at, workload] of workloads.entries()) {
      if (at > 0 && performance.now() > (options.deadline ?? Number.POSITIVE_INFINITY)) break
      options.onWorkload?.(at)
      const list = sharedOperations(workload, seed)
      for (const crew of crews) {
        if (gone.has(crew)) continue
        try {
          await crew.prepare(workload, list)
        } catch (error) {
          leaveOut(crew, error)
        }
      }
      const running = crews.filter(crew => !gone.has(crew))
      const rates = new Map<SubjectCrew, number[]>(running.map(crew => [crew, []]))
      for (let round = 0; round < rounds; round++) {
        for (let turn = 0; turn < running.length; turn++) {
          const crew = running[(turn + round) % running.length]
          if (gone.has(crew)) continue
          try {
            const { rate } = await crew.round({ ms, warmUpMs: round === 0 ? FIRST_WARM_UP_MS : WARM_UP_MS })
            rates.get(crew)?.push(rate)
          } catch (error) {
            leaveOut(crew, error)
          }
        }
      }
      const whole = running.filter(crew => !gone.has(crew))
      found.push(whole.map(crew => ({ name: crew.subject.name, rounds: rates.get(crew) ?? [] })))
    }
    return found
  } finally {
    await Promise.all(crews.map(crew => crew.stop()))
  }
}

/** Caches get filled, and code that was compiled for another workload is compiled anew. */
const FIRST_WARM_UP_MS = 15
const WARM_UP_MS = 3
