import { hiddenText, isTooNoisy, judge, rateOf } from '@threadmap/workbench/blocks'
import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { BeliefFinding, Context, Experiment, LineChart, Outcome } from '@threadmap/workbench/experiment'
import { spread } from '@threadmap/workbench/statistics'
import { SHARDED_KINDS } from '@threadmap/workbench/subjects/maps'
import { sharedSubject } from '@threadmap/workbench/subjects/subject'
import { type RoundFigures, SubjectTeam, sharedOperations } from '@threadmap/workbench/subjects/team'
import { disturbedBy, OthersWatch } from '@threadmap/workbench/threads/others'
import { Team } from '@threadmap/workbench/threads/team'
import { type Workload, workloadText } from '@threadmap/workbench/workload'
import { judgeBeside } from '../../preference.js'
import type { CoreCommand, CoreReply, CoreSetup } from './core.js'
import { memoryNodes } from './nodes.js'
import { type Remote, remoteAccess, remoteBelief, remoteTable } from './remote.js'

const EFFORT = {
  // One block, for which the quick lab has time, shows large differences only.
  quick: { shards: [1, 8, 64, 1024], blocks: 1, perBlock: 3, rounds: 3, ms: 50, turns: 20_000 },
  full: {
    shards: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    blocks: 5,
    perBlock: 1,
    rounds: 7,
    ms: 200,
    turns: 200_000,
  },
}

/** The number of shards that takes part twice. */
const TWICE_SHARDS = 8

/** The numbers of shards that the folklore names. */
const REMOTE_SHARDS = [8, 64, 256]
/** Entries of the map for remote memory: more than the caches hold, so that reads reach the memory. */
const REMOTE_KEYS = 262_144

/** Half of the operations are writes, since shards serve writers. */
const WORKLOAD: Omit<Workload, 'threads'> = { keys: 16_384, reads: 50, zipf: 0, valueBytes: 8, churn: 0 }

export const shards: Experiment = {
  name: 'shards',
  title: 'How many shards should a map have?',
  method:
    'Half reads and half writes run over maps of 1 to 1,024 shards (of 8 shards twice, an A/A pair whose difference is noise), in interleaved rounds, and in the full lab five times with fresh maps and threads: throughput, waits for a lock (stats()), the 99th ' +
    'percentile of single operations (one in 32 is timed, the clock included), memory in use. Then two threads pass one word to and fro, which shows the time that a write takes ' +
    'to reach another core. On machines with several memory nodes, a word also passes to another node, and threads that are bound to one node and to another in turns ' +
    'use maps in the memory of one node.',
  seconds: { quick: 5, full: 50 },
  run,
}

interface Sharded {
  readonly kind: string
  readonly shards: number
  readonly bytes: number
  readonly rounds: readonly RoundFigures[]
  /** Rounds with the same maps and threads. */
  readonly perBlock?: number
  /** A second map with this number of shards, with threads of its own: the A/A pair. */
  readonly isAgain?: boolean
  /** The share of the processors that other programs had meanwhile, where they disturbed. */
  readonly others?: number
}

/** A pair of processors, and the times of passing a word from one to the other. */
export interface HandOver {
  readonly name: string
  /** Nanoseconds one way, per round. */
  readonly ns: readonly number[]
}

async function run(context: Context): Promise<Outcome> {
  const effort = EFFORT[context.quick ? 'quick' : 'full']
  const workload: Workload = { ...WORKLOAD, threads: context.workers }
  const list = sharedOperations(workload, context.seed)
  const found: Sharded[] = []
  const { blocks, perBlock } = effort
  const entrants = [...effort.shards.map(count => ({ count, isAgain: false })), { count: TWICE_SHARDS, isAgain: true }]
  const steps = SHARDED_KINDS.length * entrants.length * blocks * perBlock
  let step = 0
  const measureBlock = async (kind: (typeof SHARDED_KINDS)[number], block: number): Promise<Sharded[]> => {
    const teams: SubjectTeam[] = []
    try {
      for (const { count } of entrants) {
        const team = await SubjectTeam.start({
          subject: sharedSubject(kind),
          threads: context.workers,
          signal: context.signal,
          mapOptions: { shards: count },
        })
        teams.push(team)
        await team.prepare(workload, list)
      }
      const rounds = teams.map((): RoundFigures[] => [])
      for (let round = 0; round < perBlock; round++) {
        for (let turn = 0; turn < teams.length; turn++) {
          const at = (turn + round + block) % teams.length
          context.progress(step++ / (steps + 1), `${kind}, ${entrants[at].count} shards`)
          rounds[at].push(
            await teams[at].round({ ms: effort.ms, latency: true, warmUpMs: round === 0 ? effort.ms / 2 : 5 }),
          )
        }
      }
      return teams.map((team, at) => {
        const bytes = team.map?.stats().usedBytes ?? 0
        const { count, isAgain } = entrants[at]
        return { kind, shards: count, bytes, rounds: rounds[at], perBlock, isAgain }
      })
    } finally {
      await Promise.all(teams.map(team => team.stop()))
    }
  }
  const watch = new OthersWatch()
  for (let block = 0; block < blocks; block++) {
    for (const kind of SHARDED_KINDS) {
      for (const one of await measureBlock(kind, block)) {
        const at = found.findIndex(
          ({ kind, shards, isAgain }) => kind === one.kind && shards === one.shards && isAgain === one.isAgain,
        )
        if (at < 0) found.push(one)
        else found[at] = { ...one, rounds: [...found[at].rounds, ...one.rounds] }
      }
    }
  }
  const others = disturbedBy(watch.stop())
  for (const [at, each] of found.entries()) found[at] = { ...each, others }
  context.progress(steps / (steps + 1), 'core to core')
  const nodes = memoryNodes()
  const handed = await handOvers(context, nodes, effort)
  const remote =
    nodes.length < 2
      ? []
      : await remoteAccess(context, nodes, {
          ...effort,
          kind: 'FastMap',
          shards: REMOTE_SHARDS,
          workload: { ...workload, keys: REMOTE_KEYS },
          onRound: share => context.progress((steps + share) / (steps + 1), 'local and remote memory'),
        })
  if (remote === undefined)
    context.leaveOut('remote memory', 'threads cannot be bound to processors: there is no taskset')
  return outcomeOf({ sharded: found, handed, nodes: nodes.length, remote: remote ?? [] }, workload)
}

/** A pair within the first node and, if there is a second node, a pair across. */
async function handOvers(
  context: Context,
  nodes: readonly (readonly number[])[],
  { turns, rounds }: { turns: number; rounds: number },
): Promise<HandOver[]> {
  const [first, second] = nodes
  const pairs: { name: string; cpus: readonly (number | undefined)[] }[] = []
  if (first.length >= 2) pairs.push({ name: 'core to core, one node', cpus: first.slice(0, 2) })
  if (second !== undefined) pairs.push({ name: 'core to core, across nodes', cpus: [first[0], second[0]] })
  if (pairs.length === 0) pairs.push({ name: 'thread to thread', cpus: [undefined, undefined] })
  const found: HandOver[] = []
  for (const { name, cpus } of pairs) {
    const word = new Int32Array(new SharedArrayBuffer(256))
    const team = await Team.start<CoreSetup, CoreCommand, CoreReply>({
      name,
      program: new URL('./core.js', import.meta.url),
      members: 2,
      setup: () => ({ word }),
      signal: context.signal,
    })
    try {
      const ns: number[] = []
      let pinned = true
      for (let round = 0; round < rounds; round++) {
        const replies = await team.askEach(index => ({ turns, cpu: cpus[index] }))
        pinned = replies.every(reply => reply.pinned)
        if (Number.isFinite(replies[0].ns)) ns.push(replies[0].ns)
      }
      found.push({ name: pinned ? name : 'thread to thread, not pinned', ns })
    } finally {
      await team.stop()
    }
  }
  return found
}

const metric = {
  rate: ({ rate }: RoundFigures) => rate,
  waits: ({ perOperation }: RoundFigures) => (perOperation?.lockWaits ?? 0) * 1e6,
  p99: ({ latency }: RoundFigures) => latency?.percentile(99) ?? Number.NaN,
}

/** All measurements of the experiment. */
export interface ShardFigures {
  readonly sharded: readonly Sharded[]
  readonly handed: readonly HandOver[]
  readonly nodes: number
  /** Empty on one node. */
  readonly remote: readonly Remote[]
}

export function outcomeOf({ sharded, handed, nodes, remote }: ShardFigures, workload: Workload): Outcome {
  const about = { experiment: 'shards', workers: workload.threads }
  const found = sharded.filter(({ isAgain }) => !isAgain)
  const evidence: Evidence[] = sharded.flatMap(each => {
    const subject = each.isAgain ? `${each.kind} again` : each.kind
    const row = { ...about, subject, workload: `${each.shards} shards, ${workloadText(workload)}` }
    return [
      measured({ ...row, metric: 'throughput', unit: 'M/s' }, each.rounds.map(metric.rate)),
      measured({ ...row, metric: 'lock waits', unit: 'per million operations' }, each.rounds.map(metric.waits)),
      measured({ ...row, metric: 'P99', unit: 'ns' }, each.rounds.map(metric.p99)),
      measured({ ...row, metric: 'memory', unit: 'B' }, [each.bytes]),
    ]
  })
  for (const { name, ns } of handed) {
    if (ns.length > 0)
      evidence.push(
        measured({ ...about, workers: 2, subject: 'hand-over', workload: name, metric: 'one way', unit: 'ns' }, ns),
      )
  }
  for (const { kind, shards: count, threads, local, remote: away } of remote) {
    const row = { ...about, subject: kind, workers: threads, metric: 'operation', unit: 'ns' }
    evidence.push(measured({ ...row, workload: `${count} shards, local memory` }, local))
    evidence.push(measured({ ...row, workload: `${count} shards, remote memory` }, away))
  }
  const kinds = [...new Set(found.map(({ kind }) => kind))]
  const chart = (
    id: string,
    title: string,
    label: string,
    unit: string,
    of: (round: RoundFigures) => number,
  ): LineChart => ({
    id,
    kind: 'line',
    title,
    alternative: found
      .map(each => `${each.kind} ${each.shards}: ${spread(each.rounds.map(of)).median.toPrecision(3)} ${unit}`)
      .join('; '),
    x: { label: 'shards', unit: '', scale: 'log' },
    y: { label, unit },
    series: kinds.map(kind => ({
      name: kind,
      points: found
        .filter(each => each.kind === kind)
        .map(each => {
          const { median, low, high } = spread(each.rounds.map(of))
          return { x: each.shards, y: median, low, high }
        }),
    })),
  })
  return {
    evidence,
    charts: [
      chart('throughput', 'Throughput by number of shards', 'throughput', 'M/s', metric.rate),
      chart('lock-waits', 'Waits for a lock by number of shards', 'lock waits', 'per million operations', metric.waits),
      chart('p99', '99th percentile of an operation by number of shards', 'P99', 'ns', metric.p99),
    ],
    tables: [
      {
        title: workloadText(workload),
        columns: [
          { label: 'map' },
          { label: 'shards' },
          { label: 'throughput', unit: 'M/s' },
          { label: 'lock waits', unit: 'per million operations' },
          { label: 'P99', unit: 'ns' },
          { label: 'memory', unit: 'MB' },
        ],
        rows: found.map(each => [
          each.kind,
          each.shards,
          spread(each.rounds.map(metric.rate)).median,
          spread(each.rounds.map(metric.waits)).median,
          spread(each.rounds.map(metric.p99)).median,
          each.bytes / 1e6,
        ]),
      },
      ...(handed.length === 0
        ? []
        : [
            {
              title: 'A word handed from one thread to another',
              columns: [{ label: 'where' }, { label: 'one way', unit: 'ns' }],
              rows: handed.map(({ name, ns }) => [name, spread(ns).median]),
            },
          ]),
      ...(remote.length === 0 ? [] : [remoteTable(remote)]),
    ],
    findings: [...kinds.map(kind => enough(sharded.filter(each => each.kind === kind))), ...nodesText(nodes, handed)],
    conclusions: kinds.map(kind => {
      const { fewest, tied } = rankShards(sharded.filter(each => each.kind === kind))
      return {
        question: `the fewest shards that are as fast as any, ${kind}`,
        answer: String(fewest.shards),
        tied: tied.filter(each => each !== fewest).map(({ shards }) => String(shards)),
      }
    }),
    beliefs: [remote.length === 0 ? notRemote(nodes) : remoteBelief(remote)],
  }
}

/** Compares the numbers of shards of one map: the best, those that cannot be told from it, the smallest of these, and the A/A pair. */
function rankShards(all: readonly Sharded[]) {
  const rates = ({ kind: name, rounds, perBlock, others }: Sharded) => ({
    name,
    rounds: rounds.map(metric.rate),
    perBlock,
    others,
  })
  const found = all.filter(({ isAgain }) => !isAgain)
  const again = all.find(({ isAgain }) => isAgain)
  const once = found.find(({ shards }) => shards === again?.shards)
  const control = again === undefined || once === undefined ? undefined : judge(rates(once), rates(again))
  const judged = (a: Sharded, b: Sharded) => judgeBeside(control, rates(a), rates(b))
  const best = found.reduce((most, each) => (rateOf(rates(each)) > rateOf(rates(most)) ? each : most))
  const tied = found.filter(each => each === best || !judged(best, each).differs)
  const gain = judged(best, found[0])
  const visible = Math.max(...found.filter(each => each !== best).map(each => judged(best, each).visible))
  return { best, tied, fewest: tied[0], gain, visible, control }
}

/** The smallest number of shards that cannot be told from the best, or the smallest difference that could have been seen. */
export function enough(all: readonly Sharded[]): string {
  const { best, fewest, gain, visible, control } = rankShards(all)
  const doubt = control?.differs
    ? ` The same map twice (${TWICE_SHARDS} shards) differed by ${Math.max(control.ratio, 1 / control.ratio).toFixed(2)}x here, so smaller differences count as none.`
    : ''
  if (!gain.differs) {
    return isTooNoisy(visible)
      ? `${best.kind}: ${hiddenText(visible)} between numbers of shards.${doubt}`
      : `${best.kind}: the number of shards makes no difference with these threads; ${hiddenText(visible)}.${doubt}`
  }
  return `${best.kind}: ${fewest.shards} shards are enough: more gain nothing beyond the noise; the best number is ${gain.ratio.toFixed(2)}x as fast as one shard.${doubt}`
}

function nodesText(nodes: number, handed: readonly HandOver[]): string[] {
  const within = handed.find(({ ns }) => ns.length > 0)
  const text =
    within === undefined
      ? ''
      : ` A word takes ${spread(within.ns).median.toFixed(0)} ns from one thread to the other (${within.name}).`
  return [
    nodes > 1
      ? `This machine has ${nodes} memory nodes.${text}`
      : `This machine has one memory node, so there is no remote memory to measure.${text}`,
  ]
}

function notRemote(nodes: number): BeliefFinding {
  return {
    belief: 13,
    verdict: 'cannot tell',
    measured:
      nodes < 2
        ? 'there is one memory node here, so no memory is remote'
        : `there are ${nodes} memory nodes, but threads cannot be bound to them: there is no taskset`,
  }
}
