/** `threadmap top`: the governor of a running program, in a terminal. */
import { Command, InvalidArgumentError } from 'commander'
import type { GovernorSnapshot } from '../../snapshot.js'
import { timeOfDay } from '../figures.js'
import { DEFAULT_PORT } from '../server/serve.js'
import { frame } from './frame.js'
import { animate } from './screen.js'
import { fetchSnapshot, snapshotAddress, TopError } from './source.js'
import { fitted, paint } from './text.js'

/** The width where nothing says how wide the output is, as in a pipe. */
const DEFAULT_COLUMNS = 100
const DEFAULT_ROWS = 24

interface Flags {
  readonly once?: boolean
  readonly json?: boolean
  readonly every: number
}

export function topCommand(): Command {
  return new Command('top')
    .description('show the shards, hot keys and levels of a governor in a running program')
    .argument('[address]', 'port, HOST:PORT or URL of serve(governor)', String(DEFAULT_PORT))
    .option('--once', 'print one picture and end; the default where the output is no terminal')
    .option('--json', 'print the snapshot as one line of JSON and end')
    .option('--every <seconds>', 'seconds between two pictures', seconds, 1)
    .action((address: string, flags: Flags) => run(address, flags))
}

async function run(address: string, { once = false, json = false, every }: Flags): Promise<void> {
  const url = snapshotAddress(address)
  if (json) {
    const { text } = await fetchSnapshot(url)
    process.stdout.write(`${text.trim()}\n`)
    return
  }
  const { stdin, stdout } = process
  const { FORCE_COLOR, NO_COLOR, TERM } = process.env
  const isScreen = stdout.isTTY === true && TERM !== 'dumb'
  const painter = paint((NO_COLOR === undefined || NO_COLOR === '') && (FORCE_COLOR !== undefined || isScreen))
  // The first picture comes before the screen is taken: if nobody answers, the error is all that is printed.
  const first = await fetchSnapshot(url)
  if (once || !isScreen) {
    const columns = stdout.columns || Number(process.env.COLUMNS) || DEFAULT_COLUMNS
    stdout.write(`${frame(first.snapshot, { columns }, painter).join('\n')}\n`)
    return
  }

  let last: GovernorSnapshot = first.snapshot
  const signal = await animate({ input: stdin, output: stdout }, every * 1000, async abort => {
    let note = `${url.host}, every ${every} s, q ends`
    let isLost = false
    try {
      last = (await fetchSnapshot(url, abort)).snapshot
    } catch (error) {
      if (!(error instanceof TopError)) throw error
      isLost = true
      note = `No answer; this is of ${timeOfDay(last.at)}. Trying again (${error.message})`
    }
    // Some terminals do not know their size, and say 0.
    const columns = stdout.columns || DEFAULT_COLUMNS
    const rows = stdout.rows || DEFAULT_ROWS
    const foot = fitted(note, columns)
    const lines = frame(last, { columns, rows: rows - 1 }, painter)
    return [...lines, isLost ? painter.level(3, foot) : painter.dim(foot)]
  })
  if (signal !== 0) process.exitCode = 128 + signal
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value >= 0.1 && value <= 3600)) throw new InvalidArgumentError('Give seconds from 0.1 to 3600.')
  return value
}
