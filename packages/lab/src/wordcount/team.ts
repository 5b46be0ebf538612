import { setFlagsFromString } from 'node:v8'
import { MessageChannel, Worker } from 'node:worker_threads'
import { SubjectError } from '@threadmap/workbench/errors'
import type { Corpus } from './corpus.js'
import { type Assignment, Control, type Phase, type Report } from './protocol.js'
import type { Subject, WordMapHandle } from './subjects.js'

// Gives every thread that starts from now on a `gc` function, for measuring its heap. Worker's `execArgv` refuses this flag.
setFlagsFromString('--expose-gc')

type ReportOf<Type extends Report['type']> = Extract<Report, { type: Type }>

/** The threads of one trial. An error in one of them rejects the promise that is being awaited. */
export class TrialTeam {
  readonly control: Int32Array
  readonly #subject: Subject
  readonly #threads: Worker[] = []
  readonly #reports: Report[] = []
  readonly #failed: Promise<never>
  readonly #signal: AbortSignal | undefined
  readonly #abort = () => this.#fail(this.#signal?.reason)
  #fail: (reason: unknown) => void = () => {}
  #arrived: () => void = () => {}

  constructor(subject: Subject, corpus: Corpus, handle: WordMapHandle | undefined, signal: AbortSignal | undefined) {
    const { way, workers } = subject
    this.#subject = subject
    this.control = new Int32Array(new SharedArrayBuffer(Control.length(workers) * Int32Array.BYTES_PER_ELEMENT))
    this.#failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    // A thread may fail between two phases, while no wait is pending; the next wait then rejects.
    this.#failed.catch(() => {})
    this.#signal = signal
    signal?.addEventListener('abort', this.#abort)

    const common = { way, text: corpus.text, cuts: corpus.cuts, control: this.control }
    const toWorkers = []
    for (let index = 0; index < workers; index++) {
      const ports = []
      if (way === 'merge' || way === 'messages') {
        const { port1, port2 } = new MessageChannel()
        toWorkers.push(port1)
        ports.push(port2)
      }
      this.#start({ ...common, role: 'worker', index, ports, ...(handle === undefined ? {} : { handle }) })
    }
    if (toWorkers.length > 0) this.#start({ ...common, role: 'owner', index: -1, ports: toWorkers })
  }

  #start(assignment: Assignment): void {
    const thread = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: assignment,
      transferList: [...assignment.ports],
    })
    const weighed = { yet: false }
    thread.on('message', (report: Report) => {
      this.#reports.push(report)
      weighed.yet ||= report.type === 'weighed'
      this.#arrived()
    })
    thread.on('error', error => {
      this.#fail(failure(this.#subject, error))
    })
    thread.on('exit', code => {
      if (!weighed.yet) this.#fail(new SubjectError(`${this.#subject.name}: a worker ended early, with code ${code}`))
    })
    this.#threads.push(thread)
  }

  /** The reports of one type from all threads, when the last has come. */
  async all<Type extends Report['type']>(type: Type): Promise<ReportOf<Type>[]> {
    const complete = new Promise<ReportOf<Type>[]>(resolve => {
      this.#arrived = () => {
        const reports = this.#reports.filter((report): report is ReportOf<Type> => report.type === type)
        if (reports.length === this.#threads.length) resolve(reports)
      }
      this.#arrived()
    })
    return Promise.race([complete, this.#failed])
  }

  /** Releases all threads into the next phase at once. */
  enter(phase: (typeof Phase)[keyof typeof Phase]): void {
    Atomics.store(this.control, Control.phase, phase)
    Atomics.notify(this.control, Control.phase)
  }

  /** The share of the text that workers have taken. */
  progress(chunks: number): number {
    return Math.min(1, Atomics.load(this.control, Control.next) / chunks)
  }

  giveUp(reason: SubjectError): void {
    this.#fail(reason)
  }

  /** Terminates all threads, whatever they are doing. */
  async stop(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort)
    await Promise.all(this.#threads.map(thread => thread.terminate()))
  }
}

/** The error of a trial of `subject`, in one line. */
export function failure(subject: Subject, error: unknown): SubjectError {
  return new SubjectError(`${subject.name} failed: ${String(error).replaceAll(/\s+/g, ' ')}`)
}
