/**
 * How the cost grows with the entries and with the threads: `npm run bench -- --growth [--quick]`. Each figure of the first table is that of
 * a process of its own, each of the second the median of rounds of one team.
 */
import { spread } from '@threadmap/workbench/statistics'
import { DEFAULT_SEED as SEED } from '@threadmap/workbench/workload'
import { thousands } from './case.js'
import type { CacheWorkersJob, GrowthJob, Job, Measured } from './jobs.js'
import { start } from './processes.js'
import type { Runtime } from './runtimes.js'

const SUBJECTS = ['Map', 'FastMap', 'SharedCache'] as const
const THREADS = [1, 2, 4, 8, 16]
const EFFORT = {
  full: { entries: [1e3, 1e4, 1e5, 1e6, 1e7], rounds: 3, ms: 300 },
  quick: { entries: [1e3, 1e5, 1e6], rounds: 1, ms: 150 },
}
const KEYS = 100_000

/** The two tables, in Markdown. */
export async function growthTables(runtime: Runtime, quick: boolean, onCell: (text: string) => void): Promise<string> {
  const { entries, rounds, ms } = quick ? EFFORT.quick : EFFORT.full
  const sizes: string[] = []
  for (const count of entries) {
    for (const subject of SUBJECTS) {
      const job: GrowthJob = { program: 'growth', subject, entries: count, seed: SEED }
      const found = await measured(job, runtime, count > 1e6 ? 1 : rounds, ms)
      const of = (name: string): number => spread(found.map(({ figures }) => figures?.[name] ?? Number.NaN)).median
      const insert = spread(found.map(({ value }) => value)).median
      sizes.push(
        `| ${thousands(count)} | ${subject} | ${insert.toFixed(0)} ns | ${Number(of('longest').toPrecision(2))} ms | ${of('get').toFixed(0)} ns | ${of('bytes').toFixed(0)} B |`,
      )
      onCell(sizes[sizes.length - 1])
    }
  }
  const teams: string[] = []
  for (const threads of THREADS) {
    const cells: string[] = []
    for (const subject of ['FastMap', 'SharedCache'] as const) {
      const job: CacheWorkersJob = {
        program: 'cache-workers',
        subject,
        threads,
        keys: KEYS,
        reads: 90,
        zipf: 0,
        seed: SEED,
      }
      const found = await measured(job, runtime, rounds, ms * Math.max(1, threads / 4))
      const rate = spread(found.map(({ value }) => value)).median
      const fairness = spread(found.map(({ figures }) => figures?.fairness ?? Number.NaN)).median
      cells.push(`${rate.toFixed(1)} M/s | ${fairness.toFixed(2)}`)
    }
    teams.push(`| ${threads} | ${cells.join(' | ')} |`)
    onCell(teams[teams.length - 1])
  }
  return [
    '| entries | map | insert | longest insert | get | memory an entry |',
    '|---|---|---|---|---|---|',
    ...sizes,
    '',
    `| threads, 90% reads, ${thousands(KEYS)} keys | FastMap | slowest thread / mean | SharedCache | slowest thread / mean |`,
    '|---|---|---|---|---|',
    ...teams,
  ].join('\n')
}

/** The rounds of a job. A job of growth has a process for each: a heap that has held a map is another one afterwards. */
async function measured(job: Job, { execPath }: Runtime, rounds: number, ms: number): Promise<Measured[]> {
  const found: Measured[] = []
  let running = await start({ label: '', job }, execPath)
  try {
    for (let round = 0; round < rounds; round++) {
      if (job.program === 'growth' && round > 0) {
        running.stop()
        running = await start({ label: '', job }, execPath)
      }
      found.push(await running.round(ms))
    }
  } finally {
    running.stop()
  }
  return found
}
