import { setMaxListeners } from 'node:events'
import { InterruptedError, WorkbenchError } from '@threadmap/workbench/errors'
import type { Context, Experiment, Settings } from '@threadmap/workbench/experiment'
import { duration, type Progress } from '@threadmap/workbench/progress'
import { OthersWatch } from '@threadmap/workbench/threads/others'
import { type ExperimentRecord, type LeftOut, newDocument, type RunDocument, withRecord } from '../document.js'
import { carriedOver, type RunFolder } from '../run-folder.js'

export interface LabOptions {
  readonly experiments: readonly Experiment[]
  readonly settings: Settings
  /** The folder that keeps the run; undefined: the run is not kept. */
  readonly folder?: RunFolder | undefined
  /** The run that the folder has. Its other experiments stay in the new run, if they were measured on this machine with these settings. */
  readonly earlier?: RunDocument | undefined
  /** A run to continue: its finished experiments are kept and not run again. */
  readonly resume?: RunDocument | undefined
  readonly progress: Progress
  readonly signal: AbortSignal
  /** Called when everything is checked and measuring begins, with the experiments that the run has already. */
  readonly onBegin?: (kept: readonly string[]) => void
  /** Called with each experiment that has ended. */
  readonly onRecord?: (record: ExperimentRecord) => void
  /** Called with each optional part that is left out. */
  readonly onLeftOut?: (experiment: string, leftOut: LeftOut) => void
}

/**
 * Runs experiments one after another, and writes the whole run after each, so that an interrupt keeps the experiments that have
 * ended. An experiment that fails is recorded as failed, and the others still run.
 */
export async function runLab(options: LabOptions): Promise<RunDocument> {
  const { settings, folder, resume, progress } = options
  const done = new Set(resume?.experiments.filter(({ status }) => status === 'finished').map(({ name }) => name))
  const experiments = options.experiments.filter(({ name }) => !done.has(name))
  // Every team of threads and every request adds a listener and removes it at its end; their number is no leak.
  setMaxListeners(0, options.signal)
  for (const experiment of experiments) await experiment.check?.(settings)
  folder?.prepare()
  let written = false
  let document = resume ?? beginning(options)
  try {
    options.onBegin?.(document.experiments.map(({ name }) => name))
    const forecast = new Forecast(experiments, settings.quick)
    for (const [at, experiment] of experiments.entries()) {
      const record = await runOne(experiment, `${at + 1} of ${experiments.length}`, forecast, options)
      document = withRecord(document, record)
      folder?.write(document)
      written = true
      progress.clear()
      progress.step([`${experiment.name} ${record.status}`, forecast.remaining(at + 1, 0)].filter(Boolean).join(', '))
      options.onRecord?.(record)
    }
  } catch (error) {
    if (error instanceof InterruptedError && folder !== undefined && (written || resume !== undefined)) {
      const names = document.experiments.map(({ name }) => name).join(', ')
      throw error.having(`the workers are stopped; kept in ${folder.runFile}: ${names}; continue with --resume`)
    }
    throw error
  } finally {
    progress.clear()
    folder?.release()
  }
  return document
}

/** A new run, with what it keeps of the run that the folder has. */
function beginning({ experiments, settings, earlier }: LabOptions): RunDocument {
  const names = experiments.map(({ name }) => name)
  const own = experiments.flatMap(({ flags }) => (flags ?? []).map(option => option.attributeName()))
  const empty = newDocument(settings, names)
  return { ...empty, experiments: carriedOver(earlier, empty, names, own) }
}

async function runOne(
  experiment: Experiment,
  position: string,
  forecast: Forecast,
  { settings, signal, progress, onLeftOut }: LabOptions,
): Promise<ExperimentRecord> {
  const { name, title, method } = experiment
  const at = Number(position.split(' ')[0]) - 1
  const leftOut: LeftOut[] = []
  const context: Context = {
    ...settings,
    signal,
    progress(share, doing) {
      progress.live([`${position}  ${name}`, doing, forecast.remaining(at, share)].filter(Boolean).join('   '))
    },
    leaveOut(what, why) {
      leftOut.push({ what, why })
      progress.clear()
      onLeftOut?.(name, { what, why })
    },
  }
  signal.throwIfAborted()
  context.progress(0, '')
  const startedAt = new Date().toISOString()
  const began = performance.now()
  const cpuBefore = process.cpuUsage()
  const watch = new OthersWatch()
  const ended = () => {
    const cpu = process.cpuUsage(cpuBefore)
    const seconds = (performance.now() - began) / 1000
    const cpuSeconds = (cpu.user + cpu.system) / 1e6
    return { name, title, method, startedAt, seconds, cpuSeconds, processors: watch.stop(), leftOut }
  }
  try {
    const outcome = await experiment.run(context)
    signal.throwIfAborted()
    return { ...ended(), status: 'finished', ...outcome }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    // This error is a fault of the lab, not of the machine or a subject, so its stack matters.
    if (!(error instanceof WorkbenchError) && process.env.THREADMAP_DEBUG) throw error
    return {
      ...ended(),
      status: 'failed',
      reason: String(error instanceof WorkbenchError ? error.message : error).replaceAll(/\s+/g, ' '),
    }
  }
}

/** Forecasts the time of the run from the plan, and corrects the plan by the experiments that have ended. */
class Forecast {
  readonly #seconds: readonly number[]
  readonly #beganAt = performance.now()

  constructor(experiments: readonly Experiment[], quick: boolean) {
    this.#seconds = experiments.map(({ seconds }) => (quick ? seconds.quick : seconds.full))
  }

  /** `about 20 s left` when `done` experiments have ended and the next has come to `share`; nothing when nothing is left. */
  remaining(done: number, share: number): string {
    const planned = (from: number, to?: number) => this.#seconds.slice(from, to).reduce((sum, value) => sum + value, 0)
    const past = planned(0, done) + share * (this.#seconds[done] ?? 0)
    const left = planned(done) - share * (this.#seconds[done] ?? 0)
    if (left <= 0) return ''
    const actual = (performance.now() - this.#beganAt) / 1000
    // The plan weighs as much as ten seconds of measured time.
    const slowness = (actual + 10) / (past + 10)
    return `about ${duration(left * slowness)} left`
  }
}
