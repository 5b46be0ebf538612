/** Replays a trace against each cache, in rounds in which the caches take turns. Each round begins with empty caches. */
import { MessageChannel } from 'node:worker_threads'
import { Team } from '@threadmap/workbench/threads/team'
import { string } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import { Histogram } from 'threadmap/histogram'
import type { AccessTrace } from '../../cache/traces.js'
import type { CacheStore, OwnerCommand, ReplayCommand, ReplayReply } from './protocol.js'

export const SUBJECTS = ['SharedCache', 'lru-cache per thread', 'lru-cache behind messages'] as const
export type SubjectName = (typeof SUBJECTS)[number]

export interface CacheRound {
  /** The share of requests that the cache answered, in %. */
  readonly hitRatio: number
  /** Requests that it did not answer. */
  readonly backendCalls: number
  /** Thousands of requests a second, all threads together. */
  readonly rate: number
  /** Nanoseconds, of single requests with what a miss needs. */
  readonly p99: number
  readonly bytes: number
}

export interface ReplayOptions {
  readonly threads: number
  /** How many entries SharedCache holds, and the cache behind messages. */
  readonly capacity: number
  readonly valueBytes: number
  readonly rounds: number
  /** How many requests are sent through messages at most: each takes as long as a hundred hits. */
  readonly mostMessages: number
  readonly signal: AbortSignal
  readonly onRound: (doing: string) => void
}

export interface ReplayedRounds {
  readonly found: Record<SubjectName, readonly CacheRound[]>
  /** How many entries the caches per thread hold together: they have the memory of SharedCache. */
  readonly splitCapacity: number
}

/** An lru-cache takes less memory for an entry than SharedCache, but not so much less: then the heap was measured wrongly. */
const MOST_SCALE = 3

/** The rounds of each subject. */
export async function replayTrace(trace: AccessTrace, options: ReplayOptions): Promise<ReplayedRounds> {
  const { threads, rounds, signal } = options
  const found: Record<SubjectName, CacheRound[]> = {
    SharedCache: [],
    'lru-cache per thread': [],
    'lru-cache behind messages': [],
  }
  const shared = new Uint32Array(new SharedArrayBuffer(trace.requests.byteLength))
  shared.set(trace.requests)
  const teams = new Map<SubjectName, Team<ReplayCommand, ReplayReply>>()
  let owner: Team<OwnerCommand | undefined, number> | undefined
  try {
    for (const name of SUBJECTS) {
      const program = new URL('./worker.js', import.meta.url)
      teams.set(name, await Team.start({ name, program, members: threads, setup: () => undefined, signal }))
    }
    const program = new URL('./owner.js', import.meta.url)
    owner = await Team.start({ name: SUBJECTS[2], program, members: 1, setup: () => undefined, signal })
    // The optimiser is done with a thread's loop before the first round counts.
    const warm = async (name: SubjectName) =>
      replayOnce(name, teams.get(name) as Team<ReplayCommand, ReplayReply>, owner!, shared, options)
    const inShared = await warm('SharedCache')
    // The heap of the first replay has the code as well.
    await warm('lru-cache per thread')
    const inPrivate = await warm('lru-cache per thread')
    await warm('lru-cache behind messages')
    const scale = Math.min(Math.max(inShared.bytes / Math.max(inPrivate.bytes, 1), 1), MOST_SCALE)
    const splitCapacity = Math.round(options.capacity * scale)
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < SUBJECTS.length; turn++) {
        const name = SUBJECTS[(turn + round) % SUBJECTS.length]
        options.onRound(name)
        const team = teams.get(name) as Team<ReplayCommand, ReplayReply>
        const capacity = name === 'lru-cache per thread' ? splitCapacity : options.capacity
        found[name].push(await replayOnce(name, team, owner, shared, { ...options, capacity }))
      }
    }
    return { found, splitCapacity }
  } finally {
    await Promise.all([...teams.values(), ...(owner === undefined ? [] : [owner])].map(team => team.stop()))
  }
}

async function replayOnce(
  name: SubjectName,
  team: Team<ReplayCommand, ReplayReply>,
  owner: Team<OwnerCommand | undefined, number>,
  requests: Uint32Array,
  { threads, capacity, valueBytes, mostMessages }: ReplayOptions,
): Promise<CacheRound> {
  const position = new Int32Array(new SharedArrayBuffer(4))
  const ask = (store: (index: number) => CacheStore, asked = requests) =>
    team.askEach(
      index => ({ store: store(index), requests: asked, position, valueBytes }),
      undefined,
      index => (channels[index] === undefined ? [] : [channels[index].port1]),
    )
  const channels: MessageChannel[] = []
  switch (name) {
    case 'SharedCache': {
      using cache = new SharedCache({ key: string, value: string, max: capacity })
      const { handle } = cache
      const replies = await ask(() => ({ type: 'shared', handle }))
      return summary(replies, cache.stats().usedBytes)
    }
    case 'lru-cache per thread': {
      // Equal parts of the entries.
      const replies = await ask(index => ({ type: 'private', max: part(capacity, threads, index) }))
      return summary(
        replies,
        replies.reduce((sum, { heapBytes }) => sum + heapBytes, 0),
      )
    }
    case 'lru-cache behind messages': {
      const bells = Array.from({ length: threads }, () => new Int32Array(new SharedArrayBuffer(4)))
      for (let i = 0; i < threads; i++) channels.push(new MessageChannel())
      const ports = channels.map(({ port2 }) => port2)
      await owner.askEach(
        () => ({ max: capacity, ports, bells }),
        undefined,
        () => ports,
      )
      const asked = requests.subarray(0, mostMessages)
      const replies = await ask(index => ({ type: 'messages', port: channels[index].port1, bell: bells[index] }), asked)
      const [bytes] = await owner.ask(undefined)
      return summary(replies, bytes)
    }
  }
}

/** A thread's part of the entries; each has room for one at least. */
function part(capacity: number, threads: number, index: number): number {
  return Math.max(1, Math.floor(((index + 1) * capacity) / threads) - Math.floor((index * capacity) / threads))
}

function summary(replies: readonly ReplayReply[], bytes: number): CacheRound {
  const sum = (of: (reply: ReplayReply) => number) => replies.reduce((total, reply) => total + of(reply), 0)
  const [requests, hits] = [sum(reply => reply.requests), sum(reply => reply.hits)]
  return {
    hitRatio: (100 * hits) / requests,
    backendCalls: requests - hits,
    // All threads take requests until none is left, so they end together.
    rate: requests / Math.max(...replies.map(({ ms }) => ms)),
    p99: Histogram.sum(replies.map(({ latency }) => latency)).percentile(99),
    bytes,
  }
}
