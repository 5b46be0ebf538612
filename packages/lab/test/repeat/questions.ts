/** The questions that are asked again and again, and how an answer is read. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RunDocument, readDocument, record, stopRecording } from '@threadmap/lab'
import { disturbedBy } from '@threadmap/workbench/threads/others'
import { random } from '@threadmap/workbench/workload'
import type { Answer } from '#lab/advice/answer.js'
import type { SubjectRounds } from '#lab/experiments/mix/measure.js'

/** One answer to a question. */
export interface Asked {
  readonly answer: string
  /** Groups of subjects that one run compares with each other; the last one of a group may be the second of an A/A pair. */
  readonly groups: readonly (readonly SubjectRounds[])[]
}

export interface Question {
  readonly name: string
  readonly args: (folder: string) => readonly string[]
  readonly read: (folder: string) => Asked
}

const ANSWER = 'answer.json'

/** `FastMap = SyncMap`, the choice first, so that the preference shows. */
function readAnswer(folder: string): Asked {
  const { choice, tied, subjects } = JSON.parse(readFileSync(join(folder, ANSWER), 'utf8')) as Answer
  return { answer: [choice, ...tied].join(' = '), groups: [subjects] }
}

function advise(name: string, flags: string): Question {
  return {
    name,
    args: folder => [
      ...['advise', '--measure', '--no-variants', '--json', join(folder, ANSWER), '--run', folder],
      ...flags.split(' '),
    ],
    read: readAnswer,
  }
}

const TRACE = 'recorded.trace'

const trace: Question = {
  name: 'a recorded cache of sessions',
  args: folder => [
    ...['advise', '--trace', join(folder, TRACE), '--threads', '2', '--no-variants'],
    ...['--json', join(folder, ANSWER), '--run', folder],
  ],
  read: readAnswer,
}

const shards: Question = {
  name: 'how many shards (half reads, 16,384 keys)',
  args: folder => ['lab', 'shards', '--out', folder],
  read(folder) {
    const { experiments } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunDocument
    const [only] = experiments
    if (only.status !== 'finished') throw new Error(`the experiment shards failed: ${only.reason}`)
    const rows = only.evidence.filter(({ metric }) => metric === 'throughput')
    const others = only.processors === undefined ? 0 : disturbedBy(only.processors)
    const kinds = [...new Set(rows.map(({ subject }) => subject.replace(/ again$/, '')))]
    return {
      answer: only.findings
        .flatMap(text => /^(\w+): (?:(\d+) shards are enough|.*(no difference|too noisy))/.exec(text)?.slice(1) ?? [])
        .filter(Boolean)
        .join(' '),
      groups: kinds.map(kind =>
        rows
          .filter(({ subject }) => subject === kind || subject === `${kind} again`)
          .map(({ subject, workload, spread }) => ({
            name: `${subject}, ${workload.split(',')[0]}`,
            rounds: spread.rounds,
            perBlock: 1,
            others,
          })),
      ),
    }
  },
}

export const QUESTIONS: readonly Question[] = [
  advise('99.9% reads, 200 keys, hot, 200 B', '--reads 99.9 --keys 200 --zipf 0.99 --value-bytes 200'),
  advise('80% reads, 20,000 keys, hot, 500 B', '--reads 80 --keys 20000 --zipf 0.99 --value-bytes 500 --churn 40'),
  advise('20% reads, 100,000 keys, numbers', '--reads 20 --keys 100000 --zipf 0 --churn 90'),
  trace,
  shards,
]

/** Asks in a process of its own, as a user does. */
export async function ask(question: Question, folder: string): Promise<Asked> {
  await run(question.args(folder))
  return question.read(folder)
}

/** Runs the experiment mix, quick or full. */
export async function askForTree(folder: string, isFull: boolean): Promise<RunDocument> {
  await run(['lab', 'mix', '--out', folder, ...(isFull ? [] : ['--quick'])])
  return readDocument(folder)
}

async function run(args: readonly string[]): Promise<void> {
  const cli = join(dirname(fileURLToPath(import.meta.resolve('@threadmap/lab'))), '../bin/threadmap.js')
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code !== 0) throw new Error(`threadmap ${args.join(' ')} ended with ${code}: ${complaints}`)
}

/** Writes the recording: sessions that are read, renewed and dropped, some of them much more often than others. */
export function writeTrace(folder: string): void {
  const map = record(new Map<string, string>(), join(folder, TRACE), { every: 1 })
  const next = random(7)
  const value = 'v'.repeat(150)
  for (let i = 0; i < 2000; i++) map.set(`session:${i}`, value)
  for (let i = 0; i < 60_000; i++) {
    const key = `session:${Math.floor(2000 * next() ** 3)}`
    const what = next()
    if (what < 0.85) map.get(key)
    else if (what < 0.98) map.set(key, value)
    else map.delete(key)
  }
  stopRecording(map)
}
