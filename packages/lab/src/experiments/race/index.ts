import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { BeliefFinding, Context, Experiment, Outcome } from '@threadmap/workbench/experiment'
import { spread } from '@threadmap/workbench/statistics'
import { type AnyMapOptions, createMap, SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { Team } from '@threadmap/workbench/threads/team'
import { f64, type MapKind, string } from 'threadmap'
import { countVisits } from './http.js'
import type { RaceCommand, RaceReply, RaceSetup } from './worker.js'

/** Threads that write at once: ten, as in the belief. */
const THREADS = 10
const WRITES = 1000

const EFFORT = { quick: { rounds: 5, requests: 300 }, full: { rounds: 25, requests: 3000 } }

/** On a busy machine, at most this many times the usual rounds. */
const PATIENCE = 4

/** Keys to initialise once, for check-then-act: enough that two threads meet at some of them. */
const THINGS = 2000
const MEETING = 2

export const race: Experiment = {
  name: 'race',
  title: 'What happens to writes that nobody synchronises?',
  method:
    'Ten threads write 1,000 times each to an UnsafeMap, by get and then set. With detection, as in Go, a thread that meets another thread in the map is refused: ' +
    'the experiment counts the runs that were caught, and the time until then. Without detection the sum of all counters shows how many updates were lost. ' +
    'The safe maps count by add. Then come the usual mistakes, each with its fix: writing while another thread iterates, check-then-act, and an HTTP handler that ' +
    'reads, waits and writes (real requests over loopback).',
  seconds: { quick: 4, full: 5 },
  run,
}

/** One run of the ten threads. */
export interface RaceRound {
  readonly caught: boolean
  readonly message: string | undefined
  /** Milliseconds until the first thread was refused. */
  readonly ms: number
  readonly lost: number
}

/** A mistake and its fix: how many operations went wrong, out of how many. */
export interface Misuse {
  readonly name: string
  readonly wrong: string
  readonly right: string
  readonly wrongRounds: readonly number[]
  readonly rightRounds: readonly number[]
  readonly of: number
  readonly what: string
}

export interface RaceFigures {
  readonly detected: readonly RaceRound[]
  readonly undetected: readonly RaceRound[]
  readonly safe: readonly { readonly kind: MapKind; readonly rounds: readonly RaceRound[] }[]
  readonly misuses: readonly Misuse[]
}

async function run(context: Context): Promise<Outcome> {
  const { rounds, requests } = EFFORT[context.quick ? 'quick' : 'full']
  const start = (members: number) =>
    Team.start<RaceSetup, RaceCommand, RaceReply>({
      name: 'race',
      program: new URL('./worker.js', import.meta.url),
      members,
      setup: () => ({}),
      signal: context.signal,
    })
  const tell = (share: number, doing: string) => context.progress(share, doing)
  const team = await start(THREADS)
  const detected: RaceRound[] = []
  const undetected: RaceRound[] = []
  const safe = SAFE_KINDS.map(kind => ({ kind, rounds: [] as RaceRound[] }))
  try {
    // On a busy machine threads seldom run at the same time, so more rounds follow until some threads met.
    const met = () => detected.some(({ caught }) => caught) && undetected.some(({ lost }) => lost > 0)
    for (let round = 0; round < rounds || (round < rounds * PATIENCE && !met()); round++) {
      tell(Math.min(0.6, (0.6 * round) / rounds), 'ten threads')
      detected.push(await count(team, 'UnsafeMap', { right: false }))
      undetected.push(await count(team, 'UnsafeMap', { right: false, options: { detect: false } }))
      for (const { kind, rounds: these } of safe) these.push(await count(team, kind, { right: true }))
    }
  } finally {
    await team.stop()
  }
  const pair = await start(MEETING)
  const misuses: Misuse[] = []
  try {
    tell(0.6, 'writing while iterating')
    misuses.push(await iterating(pair, rounds))
    tell(0.7, 'check, then act')
    misuses.push(await checkThenAct(pair, rounds))
  } finally {
    await pair.stop()
  }
  tell(0.8, 'an HTTP handler')
  misuses.push(await httpHandler(context, requests))
  return outcomeOf({ detected, undetected, safe, misuses })
}

type RaceTeam = Team<RaceCommand, RaceReply>

async function withMap<T>(
  kind: MapKind,
  options: Partial<AnyMapOptions<string, number>>,
  work: (map: ReturnType<typeof createMap<string, number>>) => Promise<T>,
): Promise<T> {
  const map = createMap<string, number>(kind, { key: string, value: f64, ...options })
  try {
    return await work(map)
  } finally {
    map[Symbol.dispose]()
  }
}

async function count(
  team: RaceTeam,
  kind: MapKind,
  { right, options = {} }: { right: boolean; options?: Partial<AnyMapOptions<string, number>> },
): Promise<RaceRound> {
  return withMap(kind, options, async map => {
    const replies = await team.ask({ what: 'count', handle: map.handle, writes: WRITES, right })
    const caught = replies.filter(({ error }) => error !== undefined)
    const done = replies.reduce((sum, { writes }) => sum + writes, 0)
    let sum = 0
    for (const value of map.values()) sum += value
    return {
      caught: caught.length > 0,
      message: caught[0]?.error,
      ms: caught.length === 0 ? Number.NaN : Math.min(...caught.map(({ ms }) => ms)),
      lost: done - sum,
    }
  })
}

/** Repeats until the mistake occurred at least once, which takes two threads that run at the same time. */
function goesOn(round: number, rounds: number, wrong: readonly number[]): boolean {
  return round < rounds || (round < rounds * PATIENCE && wrong.every(times => times === 0))
}

/** Wrong: an UnsafeMap that one thread walks while another writes; it is refused. Right: a FastMap, whose iterators are made for that. */
async function iterating(team: RaceTeam, rounds: number): Promise<Misuse> {
  const once = (kind: MapKind) =>
    withMap(kind, {}, async map => {
      for (let i = 0; i < 200; i++) map.set(`entry:${i}`, i)
      const replies = await team.ask({ what: 'iterate', handle: map.handle, writes: WRITES * 10, right: true })
      return replies.some(({ error }) => error !== undefined) ? 1 : 0
    })
  const wrongRounds: number[] = []
  const rightRounds: number[] = []
  for (let round = 0; goesOn(round, rounds, wrongRounds); round++) {
    wrongRounds.push(await once('UnsafeMap'))
    rightRounds.push(await once('FastMap'))
  }
  return {
    name: 'writing while another thread iterates',
    wrong: 'UnsafeMap',
    right: 'FastMap',
    wrongRounds,
    rightRounds,
    of: 1,
    what: 'refused',
  }
}

/** Wrong: has, then set. Each call is atomic, but the two together are not. Right: getOrInsertComputed. */
async function checkThenAct(team: RaceTeam, rounds: number): Promise<Misuse> {
  const once = (right: boolean) =>
    withMap('FastMap', {}, async map => {
      const replies = await team.ask({ what: 'initialise', handle: map.handle, writes: THINGS, right })
      return replies.reduce((sum, { made }) => sum + made, 0) - THINGS
    })
  const wrongRounds: number[] = []
  const rightRounds: number[] = []
  for (let round = 0; goesOn(round, rounds, wrongRounds); round++) {
    wrongRounds.push(await once(false))
    rightRounds.push(await once(true))
  }
  return {
    name: 'check, then act',
    wrong: 'if (!map.has(key)) map.set(key, make())',
    right: 'map.getOrInsertComputed(key, make)',
    wrongRounds,
    rightRounds,
    of: THINGS,
    what: 'made twice',
  }
}

/** Wrong: get, await, set. Right: add. */
async function httpHandler({ workers, signal }: Context, requests: number): Promise<Misuse> {
  const options = { servers: Math.max(2, Math.min(4, workers)), requests, signal }
  return {
    name: 'an HTTP handler that counts',
    wrong: 'get, await, set',
    right: 'map.add(key, 1)',
    wrongRounds: [requests - (await countVisits(false, options))],
    rightRounds: [requests - (await countVisits(true, options))],
    of: requests,
    what: 'lost',
  }
}

export function outcomeOf({ detected, undetected, safe, misuses }: RaceFigures): Outcome {
  const about = {
    experiment: 'race',
    workers: THREADS,
    workload: `${THREADS} threads x ${WRITES} unsynchronised writes`,
  }
  const caught = detected.filter(round => round.caught)
  const times = caught.map(({ ms }) => ms)
  const all = THREADS * WRITES
  const lost = (rounds: readonly RaceRound[]) => rounds.map(round => (100 * round.lost) / all)
  const evidence: Evidence[] = [
    measured({ ...about, subject: 'UnsafeMap', metric: 'runs caught', unit: '%' }, [
      (100 * caught.length) / detected.length,
    ]),
    ...(times.length > 0
      ? [measured({ ...about, subject: 'UnsafeMap', metric: 'until caught', unit: 'ms' }, times)]
      : []),
    measured({ ...about, subject: 'UnsafeMap, detect: false', metric: 'updates lost', unit: '%' }, lost(undetected)),
    ...safe.map(({ kind, rounds }) =>
      measured({ ...about, subject: kind, metric: 'updates lost', unit: '%' }, lost(rounds)),
    ),
    ...misuses.flatMap(misuse =>
      (['wrong', 'right'] as const).map(side =>
        measured(
          {
            experiment: 'race',
            subject: misuse[side],
            workers: MEETING,
            workload: misuse.name,
            metric: misuse.what,
            unit: `of ${misuse.of}`,
          },
          side === 'wrong' ? misuse.wrongRounds : misuse.rightRounds,
        ),
      ),
    ),
  ]
  const unsafeLost = spread(lost(undetected)).median
  const safeLost = Math.max(...safe.flatMap(({ rounds }) => lost(rounds)))
  const names = ['UnsafeMap, detect: false', ...safe.map(({ kind }) => kind)]
  const bars = [undetected, ...safe.map(({ rounds }) => rounds)].map(rounds => {
    const { median, low, high } = spread(lost(rounds))
    return { y: median, low, high }
  })
  return {
    evidence,
    charts: [
      {
        id: 'lost',
        kind: 'bar',
        title: 'Updates lost when ten threads write 1,000 times each',
        alternative: names.map((name, at) => `${name}: ${bars[at].y.toFixed(1)}%`).join('; '),
        categories: names,
        y: { label: 'lost', unit: '%' },
        series: [{ name: 'updates lost', values: bars }],
      },
    ],
    tables: [
      {
        title: 'Mistakes and their fixes',
        columns: [
          { label: 'mistake' },
          { label: 'as it is written first' },
          { label: 'went wrong' },
          { label: 'the fix' },
          { label: 'goes wrong' },
        ],
        rows: misuses.map(misuse => [
          misuse.name,
          misuse.wrong,
          wentWrong(misuse, misuse.wrongRounds),
          misuse.right,
          wentWrong(misuse, misuse.rightRounds),
        ]),
      },
    ],
    findings: [
      caught.length === 0
        ? `None of ${detected.length} runs of unsynchronised writes was caught.`
        : `Unsynchronised writes were caught in ${caught.length} of ${detected.length} runs, after ${spread(times).median.toFixed(2)} ms (median): "${caught[0].message}".`,
      `With detection off they lose ${unsafeLost.toFixed(1)}% of the updates; the safe maps lose ${safeLost === 0 ? 'none' : `${safeLost.toFixed(2)}%, which is a fault of theirs`}.`,
      ...misuses.map(
        misuse =>
          `${capital(misuse.name)}: ${wentWrong(misuse, misuse.wrongRounds)}; with ${misuse.right}: ${wentWrong(misuse, misuse.rightRounds)}.`,
      ),
    ],
    beliefs: [noticed(detected, undetected)],
  }
}

function wentWrong({ of, what }: Misuse, rounds: readonly number[]): string {
  const sum = rounds.reduce((total, value) => total + value, 0)
  return `${sum} of ${of * rounds.length} ${what}`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/**
 * "At once" means within milliseconds, and in nearly every run. If hardly any update is lost even without detection, the
 * threads did not run at the same time (a busy machine), so that there was little to detect.
 */
export function noticed(detected: readonly RaceRound[], undetected: readonly RaceRound[]): BeliefFinding {
  const caught = detected.filter(round => round.caught)
  const { median } = spread(caught.map(({ ms }) => ms))
  const met = undetected.filter(({ lost }) => lost > 0).length >= undetected.length * 0.9
  const holds = caught.length >= detected.length * 0.9 && median < 10
  return {
    belief: 1,
    verdict: holds ? 'holds' : met ? 'does not hold' : 'cannot tell',
    measured: `caught in ${caught.length} of ${detected.length} runs${caught.length > 0 ? `, the median after ${median.toFixed(2)} ms` : ''}`,
  }
}
