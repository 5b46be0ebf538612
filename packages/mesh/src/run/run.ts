/** Runs the experiments over all subjects, and keeps what is done after each. */
import { setMaxListeners } from 'node:events'
import { InterruptedError, WorkbenchError } from '@threadmap/workbench/errors'
import type { Progress } from '@threadmap/workbench/progress'
import { spread } from '@threadmap/workbench/statistics'
import type { MeshContext, MeshExperiment, RowContent } from '../experiments/experiment.js'
import type { Binary } from '../install/installed.js'
import type { MeshRow } from '../rows/row.js'
import { type Running, Topology } from '../topology/topology.js'
import { type LeftOut, type MeshRecord, newRun, type RunDocument, type RunSettings } from './document.js'
import { Forecast, plannedSeconds } from './plan.js'

export interface RunOptions {
  readonly experiments: readonly MeshExperiment[]
  readonly binaries: readonly Binary[]
  readonly absent: readonly LeftOut[]
  readonly settings: RunSettings
  readonly firstPort: number
  /** Subjects that take part in few experiments take part in all. */
  readonly everywhere?: boolean
  /** A run to continue: its finished experiments are not run again. */
  readonly resume?: RunDocument | undefined
  readonly signal: AbortSignal
  readonly progress: Progress
  /** Keeps the run; called after each experiment. */
  keep(document: RunDocument): void
  onRecord(record: MeshRecord): void
  onLeftOut(leftOut: LeftOut): void
}

/** Starts all subjects, runs the experiments, and ends everything, however it ends. */
export async function runMesh(options: RunOptions): Promise<RunDocument> {
  const { settings, signal, progress, resume } = options
  // Every team of threads adds a listener and removes it at its end.
  setMaxListeners(0, signal)
  const absent = [...options.absent]
  progress.live(`starting ${options.binaries.length} pairs of sidecars`)
  const topology = await Topology.start({
    ...options,
    leaveOut(what, why) {
      absent.push({ what, why })
      options.onLeftOut({ what, why })
    },
  })
  let document = newRun(settings, [], absent)
  try {
    const subjects = topology.running.map(({ binary: { subject, version, sha256, origin }, adapter, pair }) => ({
      subject,
      version,
      sha256,
      origin,
      title: adapter.title,
      configuration: pair.configuration(),
      lacks: adapter.lacks as Readonly<Record<string, string>>,
    }))
    const fresh = newRun(settings, subjects, absent)
    document =
      resume === undefined
        ? fresh
        : { ...fresh, startedAt: resume.startedAt, rows: resume.rows, experiments: resume.experiments }
    const keep = (record: MeshRecord, rows: readonly MeshRow[]) => {
      // Of a run that is continued, rows of an experiment that failed or was interrupted.
      const others = document.rows.filter(row => row.source !== record.name)
      const records = document.experiments.filter(({ name }) => name !== record.name)
      document = { ...document, rows: [...others, ...rows], experiments: [...records, record] }
      options.keep(document)
    }
    const done = new Set(document.experiments.filter(({ status }) => status === 'finished').map(({ name }) => name))
    const left = options.experiments.filter(({ name }) => !done.has(name))
    const partOf = (name: string) => topology.in(options.everywhere === true ? undefined : name).length
    const forecast = new Forecast(plannedSeconds(left, ({ name }) => partOf(name), settings))
    progress.step(`${topology.in(undefined).length} subjects run; ${forecast.remaining(0, 0)}`)
    for (const [at, experiment] of left.entries()) {
      signal.throwIfAborted()
      topology.experiment = options.everywhere === true ? undefined : experiment.name
      const before = document.experiments.find(({ name }) => name === experiment.name)
      const { record, rows } = await runOne(experiment, topology, options, document.machine, {
        draft: before?.status === 'partial' ? before.draft : undefined,
        keep,
        progress: (share, doing) => progress.live(`${experiment.name}: ${doing} (${forecast.remaining(at, share)})`),
      })
      keep(record, rows)
      progress.clear()
      progress.step(`${experiment.name} ${record.status}; ${forecast.remaining(at + 1, 0)}`)
      options.onRecord(record)
    }
    return document
  } catch (error) {
    const kept = document.experiments.map(({ name }) => name)
    if (error instanceof InterruptedError && kept.length > 0) {
      throw error.having(`all proxies are stopped; kept: ${kept.join(', ')}; continue with --resume`)
    }
    throw error
  } finally {
    progress.clear()
    await topology.stop()
  }
}

type Keep = (record: MeshRecord, rows: readonly MeshRow[]) => void

async function runOne(
  experiment: MeshExperiment,
  topology: Topology,
  { settings, signal, onLeftOut }: RunOptions,
  { cpu, cores }: RunDocument['machine'],
  { draft, keep, progress }: Pick<MeshContext, 'draft' | 'progress'> & { keep: Keep },
): Promise<{ record: MeshRecord; rows: readonly MeshRow[] }> {
  const { name, title, method } = experiment
  const began = performance.now()
  const startedAt = new Date().toISOString()
  const leftOut: LeftOut[] = []
  const record = () => ({ name, title, method, startedAt, seconds: (performance.now() - began) / 1000, leftOut })
  const row = (subject: Running | string, { value, ...content }: RowContent): MeshRow => {
    const base = {
      ...content,
      subject: typeof subject === 'string' ? subject : subject.pair.subject,
      version: typeof subject === 'string' ? undefined : subject.binary.version,
      tag: 'measured',
      source: name,
      date: startedAt.slice(0, 10),
      machine: `${cpu}, ${cores} cores`,
    } as const
    if (typeof value !== 'object') return { ...base, value }
    const { median, low, high } = spread(value)
    return { ...base, value: median, values: value, ...(value.length > 1 ? { interval: { low, high } } : {}) }
  }
  try {
    const { rows, ...outcome } = await experiment.run({
      topology,
      ...settings,
      soakHours: settings.soakHours ?? 0,
      full: settings.full === true,
      signal,
      progress,
      row,
      draft,
      keep: ({ rows, ...outcome }, draft) => keep({ ...record(), ...outcome, status: 'partial', draft }, rows),
      leaveOut(what, why) {
        leftOut.push({ what, why })
        onLeftOut({ what, why })
      },
    })
    return { record: { ...record(), ...outcome, status: 'finished' }, rows }
  } catch (error) {
    signal.throwIfAborted()
    // A fault of a proxy is a result; a fault of ours is thrown.
    if (!(error instanceof WorkbenchError)) throw error
    return { record: { ...record(), status: 'failed', reason: error.message }, rows: [] }
  }
}
