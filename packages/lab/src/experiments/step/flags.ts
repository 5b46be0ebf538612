import { readFileSync } from 'node:fs'
import { UsageError } from '@threadmap/workbench/errors'
import type { Settings } from '@threadmap/workbench/experiment'
import type { Objective } from '@threadmap/workbench/load/knee/knees'
import { SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { InvalidArgumentError, Option } from 'commander'
import type { MapKind } from 'threadmap'
import { askOnce, type Foreign, foreignServer } from './load/foreign.js'
import type { Planted } from './server/protocol.js'

/** The steps around the knee of the folklore; `--clients` gives others. */
const CLIENTS: readonly number[] = [50, 100, 200, 400, 600, 800]
const MOST_CLIENTS = 10_000
const MOST_STEPS = 30
/** Requests per second that one thread can send at best; a higher rate would measure the load generator. */
const MOST_RATE = 100_000
const MOST_GENERATORS = 16
/** Files that Node itself and the lab have open. */
const OTHER_FILES = 200
/** The objective for P95, in ms: a user does not notice such a delay. */
const OBJECTIVE_MS = 50
const SUCCESS = 0.999

export type PlantName = 'pool' | 'lock' | 'shard' | 'loop'

/** The causes that `--plant` makes scarce on purpose: a pool of connections, one global lock, one of many locks, a blocked event loop. */
export const PLANTS: Readonly<Record<PlantName, Planted>> = {
  pool: { what: 'pool', size: 10, ms: 20 },
  lock: { what: 'lock', locks: 1, ms: 3 },
  shard: { what: 'lock', locks: 16, ms: 2, hot: 0.9 },
  loop: { what: 'loop', ms: 3 },
}

export const FLAGS: readonly Option[] = [
  new Option('--target <url>', 'step: put the load on this HTTP server instead of maps and the order API'),
  new Option('--allow-remote', 'step: --target may be another machine; needs --rate'),
  new Option('--clients <list>', `step: concurrent clients, step by step (${CLIENTS.join(',')})`).argParser(clientList),
  new Option(
    '--rate <n>',
    'step: requests per second of each client (half as much again as the ceiling, at the last step)',
  ).argParser(number('requests per second', 0.001, MOST_RATE)),
  new Option('--step-seconds <s>', 'step: how long a step is').argParser(number('seconds', 0.1, 120)),
  new Option('--objective-ms <ms>', `step: P95 that the knee is judged by (${OBJECTIVE_MS})`).argParser(
    number('milliseconds', 0.001, 60_000),
  ),
  new Option('--server-map <kind>', 'step: which map the order API shares (FastMap)').choices(SAFE_KINDS),
  new Option(
    '--plant <what>',
    'step: make a resource of the order API scarce, to see whether the experiment names it',
  ).choices(Object.keys(PLANTS)),
  new Option('--generators <n>', 'step: threads that send requests (1)').argParser(
    number('threads', 1, MOST_GENERATORS),
  ),
]

/** The flags, checked. */
export interface Asked {
  readonly target: string | undefined
  readonly allowRemote: boolean
  readonly clients: readonly number[]
  readonly rate: number | undefined
  readonly stepSeconds: number | undefined
  readonly objective: Objective
  readonly kind: MapKind
  readonly planted: PlantName | undefined
  readonly generators: number
}

export function asked({ flags }: Settings): Asked {
  return {
    target: flags.target as string | undefined,
    allowRemote: flags.allowRemote === true,
    clients: (flags.clients as readonly number[] | undefined) ?? CLIENTS,
    rate: flags.rate as number | undefined,
    stepSeconds: flags.stepSeconds as number | undefined,
    objective: { p95: (flags.objectiveMs as number | undefined) ?? OBJECTIVE_MS, success: SUCCESS },
    kind: (flags.serverMap as MapKind | undefined) ?? 'FastMap',
    planted: flags.plant as PlantName | undefined,
    generators: Math.floor((flags.generators as number | undefined) ?? 1),
  }
}

/** Throws `UsageError` for flags that cannot be met; sends one request to a foreign server. */
export async function checkAsked(settings: Settings): Promise<void> {
  const { target, clients, rate, planted, allowRemote } = asked(settings)
  const most = clients[clients.length - 1]
  if (rate !== undefined && rate * most > MOST_RATE) {
    throw new UsageError(
      `${most} clients with --rate ${rate} make ${rate * most} requests per second, above the limit of ${MOST_RATE}; lower --rate or --clients`,
    )
  }
  const files = openFiles()
  // Both ends of a connection are in this process, except with a foreign server.
  const needed = most * (target === undefined ? 2 : 1) + OTHER_FILES
  if (needed > files) {
    throw new UsageError(
      `${most} clients need ${needed} open files, and ${files} are allowed; raise the limit (ulimit -n ${needed}), or give fewer --clients`,
    )
  }
  if (target === undefined) return
  if (planted !== undefined) throw new UsageError('--plant works on the order API only; leave out --plant or --target')
  const foreign = await foreignServer(target, allowRemote)
  requireRate(foreign, rate)
  await askOnce(foreign)
}

/** The experiment does not search for the ceiling of another machine: the user chooses its load. */
function requireRate({ remote, url }: Foreign, rate: number | undefined): void {
  if (remote && rate === undefined) {
    throw new UsageError(
      `--target ${url} is another machine: say with --rate how many requests per second a client sends`,
    )
  }
}

/** How many files this process may have open; Infinity where the system does not tell. */
function openFiles(): number {
  try {
    const line = readFileSync('/proc/self/limits', 'utf8')
      .split('\n')
      .find(text => text.startsWith('Max open files'))
    const soft = Number(line?.split(/\s{2,}/)[1])
    return Number.isNaN(soft) ? Number.POSITIVE_INFINITY : soft
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function clientList(text: string): readonly number[] {
  const list = text.split(',').map(part => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN))
  if (list.some(n => !(n >= 1 && n <= MOST_CLIENTS)) || list.length > MOST_STEPS) {
    throw new InvalidArgumentError(
      `Give at most ${MOST_STEPS} whole numbers of clients from 1 to ${MOST_CLIENTS}, such as 50,100,200.`,
    )
  }
  return [...new Set(list)].sort((a, b) => a - b)
}

function number(what: string, least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (text.trim() !== '' && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Give a number of ${what} from ${least} to ${most}.`)
  }
}
