import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { BeliefFinding, Context, Experiment, Outcome, Settings } from '@threadmap/workbench/experiment'
import { contrast, spread } from '@threadmap/workbench/statistics'
import { Option } from 'commander'
import { bool, FastMap, f64, type HashName, hash, ShardedMap, string } from 'threadmap'
import { builtInSets, type KeySet, keysOfFile, storedForm } from './keys.js'
import { type Avalanche, avalanche, type Balance, balance, balanceOf, collisions32 } from './quality.js'

const HASHES: readonly { readonly name: HashName; readonly bits: number }[] = [
  { name: 'fnv1a', bits: 32 },
  { name: 'xxhash32', bits: 32 },
  { name: 'xxhash64', bits: 64 },
  { name: 'default', bits: 64 },
]

const SHARDS = [8, 64, 256]
/** Shards of the map that the keys are put into. */
const MAP_SHARDS = 64

const EFFORT = {
  quick: { keys: 20_000, rounds: 15, avalancheKeys: 128 },
  full: { keys: 100_000, rounds: 45, avalancheKeys: 1024 },
}

/** Rounds are short and many, so that a round that another program interrupts is an outlier. */
const TIMED_KEYS = 5000

/** Bits of the key that the avalanche test flips: its first eight bytes. */
const INPUT_BITS = 64

/** Standard deviations beyond which a distribution is not random. */
const NOT_RANDOM = 4

export const hashing: Experiment = {
  name: 'hash',
  title: 'Which hash for which keys?',
  method:
    'For the keys of --hash-keys FILE, or for built-in sets, the experiment measures: nanoseconds per key (encoding, hashing and a look-up in an empty map, so that ' +
    'differences come from the hash); how evenly the published hash modulo 8, 64 and 256 spreads the keys (chi-square, in standard deviations from random; longest), and how evenly ' +
    'a ShardedMap of 64 shards spreads them (all with seed 0; keys are hashed as the map stores them, one byte a character or UTF-16); ' +
    'buckets of a table with as many places as keys; pairs with equal 32 bits against the birthday bound; and the effect of flipping one bit of a key. ' +
    'The maps finalise a published hash once more before they use it.',
  seconds: { quick: 4, full: 6 },
  flags: [new Option('--hash-keys <file>', 'hash: keys of your own, one a line')],
  check: settings => {
    ownKeys(settings)
  },
  run,
}

function ownKeys({ flags }: Settings): KeySet | undefined {
  return typeof flags.hashKeys === 'string' ? keysOfFile(flags.hashKeys) : undefined
}

export interface Hashed {
  readonly set: string
  readonly hash: HashName
  /** Nanoseconds per key, per round. */
  readonly ns: readonly number[]
  readonly shards: readonly Balance[]
  /** Evenness over the shards of a real map. */
  readonly map: Balance
  readonly buckets: Balance
  readonly collisions: { readonly found: number; readonly expected: number }
  readonly avalanche: Avalanche
  readonly keys: number
}

async function run(context: Context): Promise<Outcome> {
  const { keys, rounds, avalancheKeys } = EFFORT[context.quick ? 'quick' : 'full']
  const own = ownKeys(context)
  const sets = own === undefined ? builtInSets(keys, context.seed) : [own]
  if (own === undefined && sets.length < 5)
    context.leaveOut('real words', 'there is no text in a node_modules here or above')
  const found: Hashed[] = []
  for (const [at, set] of sets.entries()) {
    const times = timeHashes(set.keys.slice(0, TIMED_KEYS), rounds)
    for (const [turn, { name, bits }] of HASHES.entries()) {
      context.progress((at + turn / HASHES.length) / sets.length, `${name} of ${set.name}`)
      await new Promise(setImmediate)
      context.signal.throwIfAborted()
      const hashes = set.keys.map(key => hash(name, key))
      found.push({
        set: set.name,
        hash: name,
        ns: times[turn],
        shards: SHARDS.map(places => balance(hashes, places)),
        map: balanceInMap(name, set.keys),
        buckets: balance(hashes, 2 ** Math.ceil(Math.log2(hashes.length))),
        collisions: collisions32(hashes),
        avalanche: avalanche(
          bytes => hash(name, bytes),
          set.keys.slice(0, avalancheKeys).map(storedForm),
          bits,
          INPUT_BITS,
        ),
        keys: hashes.length,
      })
    }
  }
  return outcomeOf(found)
}

/** The evenness with which a map spreads the keys over its shards. */
function balanceInMap(name: HashName, keys: readonly string[]): Balance {
  const map = new ShardedMap({
    key: string,
    value: bool,
    hash: name,
    seed: 0n,
    shards: MAP_SHARDS,
    capacity: keys.length,
  })
  try {
    for (const key of keys) map.set(key, true)
    return balanceOf(map.shardStats().map(({ entries }) => entries))
  } finally {
    map[Symbol.dispose]()
  }
}

/** Rounds of a warm-up: at least and at most, and how many must pass without one that is faster than all before. */
const WARM_UP = { least: 5, most: 100, still: 5 }
/** A round is faster if it takes less than this share of the fastest before it. */
const FASTER = 0.97

/** Whether the rounds of a warm-up, by their times, have stopped getting faster. */
export function isWarm(times: readonly number[]): boolean {
  if (times.length < WARM_UP.least) return false
  let [fastest, at] = [Number.POSITIVE_INFINITY, 0]
  for (const [i, time] of times.entries()) if (time < fastest * FASTER) [fastest, at] = [time, i]
  return times.length - 1 - at >= WARM_UP.still || times.length >= WARM_UP.most
}

/** Nanoseconds per key of each hash, in interleaved rounds. */
function timeHashes(keys: readonly string[], rounds: number): number[][] {
  const maps = HASHES.map(({ name }) => new FastMap({ key: string, value: f64, hash: name, shards: 1 }))
  const times = HASHES.map((): number[] => [])
  try {
    const warmUp: number[] = []
    for (let round = -1; round < rounds; round++) {
      const beganRound = performance.now()
      for (let turn = 0; turn < maps.length; turn++) {
        const at = (turn + Math.max(0, round)) % maps.length
        const map = maps[at]
        const began = performance.now()
        let hits = 0
        for (const key of keys) if (map.has(key)) hits++
        const ns = ((performance.now() - began) * 1e6) / keys.length
        if (hits > 0) throw new Error('an empty map has a key')
        if (round >= 0) times[at].push(ns)
      }
      // Rounds are not counted while they still get faster, since V8 compiles the code.
      if (round < 0) {
        warmUp.push(performance.now() - beganRound)
        if (!isWarm(warmUp)) round--
      }
    }
    return times
  } finally {
    for (const map of maps) map[Symbol.dispose]()
  }
}

export function outcomeOf(found: readonly Hashed[]): Outcome {
  const sets = [...new Set(found.map(({ set }) => set))]
  const evidence: Evidence[] = found.flatMap(each => {
    const row = { experiment: 'hash', subject: each.hash, workers: 1, workload: `${each.keys} keys: ${each.set}` }
    return [
      measured({ ...row, metric: 'time', unit: 'ns per key' }, each.ns),
      ...each.shards.flatMap(({ places, deviation, longest, mean }) => [
        measured({ ...row, metric: `chi-square, ${places} shards`, unit: 'standard deviations' }, [deviation]),
        measured({ ...row, metric: `longest of ${places} shards`, unit: 'x mean' }, [longest / mean]),
      ]),
      measured({ ...row, metric: "chi-square, a map's shards", unit: 'standard deviations' }, [each.map.deviation]),
      measured({ ...row, metric: 'longest bucket', unit: 'keys' }, [each.buckets.longest]),
      measured({ ...row, metric: '32-bit collisions', unit: 'pairs' }, [each.collisions.found]),
      measured({ ...row, metric: 'avalanche', unit: '% of bits' }, [each.avalanche.mean * 100]),
      measured({ ...row, metric: 'worst avalanche bias', unit: '%' }, [each.avalanche.worstBias * 100]),
    ]
  })
  const of = (set: string, name: HashName) => found.find(each => each.set === set && each.hash === name) as Hashed
  const unevenMaps = found.filter(({ map }) => map.deviation > NOT_RANDOM)
  const uneven = found.filter(({ shards, buckets }) =>
    [...shards, buckets].some(({ deviation }) => deviation > NOT_RANDOM),
  )
  return {
    evidence,
    charts: [
      {
        id: 'time',
        kind: 'bar',
        title: 'Time per key: encode, hash, look',
        alternative: found
          .map(each => `${each.hash} of ${each.set}: ${spread(each.ns).median.toFixed(0)} ns`)
          .join('; '),
        categories: sets,
        y: { label: 'time', unit: 'ns per key' },
        series: HASHES.map(({ name }) => ({
          name,
          values: sets.map(set => {
            const { median, low, high } = spread(of(set, name).ns)
            return { y: median, low, high }
          }),
        })),
      },
      {
        id: 'balance',
        kind: 'bar',
        title: `How far from random the shards are (64 shards; beyond ${NOT_RANDOM} is not random)`,
        alternative: found
          .map(each => `${each.hash} of ${each.set}: ${each.shards[1].deviation.toFixed(1)}`)
          .join('; '),
        categories: sets,
        y: { label: 'chi-square', unit: 'standard deviations' },
        series: HASHES.map(({ name }) => ({
          name,
          values: sets.map(set => ({ y: of(set, name).shards[1].deviation })),
        })),
      },
    ],
    tables: [
      {
        title: 'Published hash, modulo',
        columns: [
          { label: 'keys' },
          { label: 'hash' },
          { label: 'time', unit: 'ns per key' },
          ...SHARDS.flatMap(count => [
            { label: `chi2 at ${count}`, unit: 'sd', digits: 1 },
            { label: 'longest', unit: 'x mean', digits: 2 },
          ]),
          { label: "chi2 in a map's shards", unit: 'sd', digits: 1 },
          { label: 'longest bucket' },
          { label: '32-bit collisions' },
          { label: 'expected', digits: 2 },
          { label: 'avalanche', unit: '%', digits: 1 },
          { label: 'worst bias', unit: '%', digits: 0 },
        ],
        rows: found.map(each => [
          each.set,
          each.hash,
          spread(each.ns).median,
          ...each.shards.flatMap(({ deviation, longest, mean }) => [deviation, longest / mean]),
          each.map.deviation,
          each.buckets.longest,
          each.collisions.found,
          each.collisions.expected,
          each.avalanche.mean * 100,
          each.avalanche.worstBias * 100,
        ]),
      },
    ],
    findings: [
      ...sets.map(set =>
        fastest(
          set,
          HASHES.map(({ name }) => of(set, name)),
        ),
      ),
      uneven.length === 0
        ? 'Every hash spreads every set of keys as evenly over shards and buckets as a random function does.'
        : `Less even than random: ${uneven.map(each => `${each.hash} of ${each.set}`).join(', ')}. Most of that shows in your own hash % n only: the maps finalise a published hash before they use it.`,
      ...(unevenMaps.length === 0
        ? []
        : [
            `In a ShardedMap of ${MAP_SHARDS} shards with seed 0 these keys crowd: ${unevenMaps.map(each => `${each.hash} of ${each.set} (the fullest shard has ${each.map.longest} of ${each.keys})`).join(', ')}. Somebody may have chosen them so; take the hash default with a random seed for such keys.`,
          ]),
    ],
    conclusions: sets.map(set => {
      const { best, tied } = ranked(HASHES.map(({ name }) => of(set, name)))
      return { question: `the fastest hash of ${set}`, answer: best.hash, tied: tied.map(({ hash }) => hash) }
    }),
    beliefs: [clusters(found)],
  }
}

function ranked(each: readonly Hashed[]) {
  const [best, ...others] = [...each].sort((a, b) => spread(a.ns).median - spread(b.ns).median)
  const isSlower = (other: Hashed) => {
    const { ratio, differs } = contrast(other.ns, best.ns)
    return differs && ratio > 1
  }
  const slower = others.filter(isSlower)
  return { best, slower, tied: others.filter(other => !isSlower(other)) }
}

function fastest(set: string, each: readonly Hashed[]): string {
  const { best, slower, tied } = ranked(each)
  const names = [best, ...tied].map(({ hash }) => hash).join(' = ')
  return `${set}: ${names}, ${spread(best.ns).median.toFixed(0)} ns a key${slower.length === 0 ? '' : `; ${slower.map(other => `${other.hash} ${contrast(other.ns, best.ns).ratio.toFixed(2)}x`).join(', ')}`}.`
}

/** Belief 12, on the short keys: does FNV-1a cluster where xxHash does not? */
function clusters(found: readonly Hashed[]): BeliefFinding {
  const sets = found.filter(
    ({ set }) => set === 'user:N' || set === 'sess:xxx' || !found.some(each => each.set === 'user:N'),
  )
  const fnv = sets.filter(({ hash }) => hash === 'fnv1a')
  const xx = sets.filter(({ hash }) => hash === 'xxhash32')
  const worst = (list: readonly Hashed[]) =>
    Math.max(...list.flatMap(({ shards, buckets }) => [...shards, buckets].map(({ deviation }) => deviation)))
  const longest = (list: readonly Hashed[]) => Math.max(...list.map(({ buckets }) => buckets.longest))
  const pairs = (list: readonly Hashed[]) => list.reduce((sum, { collisions }) => sum + collisions.found, 0)
  const clustered = worst(fnv) > NOT_RANDOM && worst(xx) <= NOT_RANDOM
  return {
    belief: 12,
    verdict: clustered ? 'holds' : 'does not hold',
    measured:
      `furthest from random: FNV-1a ${worst(fnv).toFixed(1)} standard deviations, xxHash32 ${worst(xx).toFixed(1)}; longest of as many buckets as keys ` +
      `${longest(fnv)} against ${longest(xx)}; equal 32 bits ${pairs(fnv)} against ${pairs(xx)} pairs (random: ${fnv.reduce((sum, { collisions }) => sum + collisions.expected, 0).toFixed(1)}). ` +
      'The longest of 3 or 12 in the belief can only be a bucket of a table, not one of 64 shards.',
  }
}
