/**
 * Which shards are hot, as a pure function of one look and of what is remembered from earlier ones.
 *
 * The guide's rule: a shard is hot when its P99 exceeds `ratio` times the P99 of all others in each short window for `for` milliseconds, and it
 * saw enough operations in the last minute. Two additions make the rule hold where it would not:
 *
 * - Two hot shards would hide each other, since each is among the other's others. So shards that are far above the median shard are no others.
 * - A hot shard can hold what all wait for, such as a pool's connections: then all are equally slow. Where the others miss the objective too, the
 *   shard that takes most of all time spent (latency x rate, the guide's heat) is hot, and the one that holds far more operations than its rate and the
 *   latency of the others explain (Little's law: the common wait is in both, so what is left is what the shard itself holds).
 *
 * Where most shards are slow and none has the heat, none is hot: the backend is slow. A shard that fails is hot by its errors.
 */
import type { Degrade, Detection, Windows } from '../options.js'
import { highQuantileOf, middlesOf } from '../shared/latency.js'
import type { Cause } from '../snapshot.js'

/** What a look saw of one shard. */
export interface ShardLook {
  /** Operations of the last minute, those that are under way included: a shard that hangs ends few. */
  readonly minute: number
  /** Operations that are under way. */
  readonly inFlight: number
  /** The latencies of the short window, by bucket. */
  readonly latencies: ArrayLike<number>
  /** Failed operations of the short window. */
  readonly errors: number
  /** Operations per second that callers wanted in the last minute. */
  readonly wanted: number
  /** Whether the shard has a level. */
  readonly governed: boolean
  /** The largest share of one key in the shard's operations; 0 where it is not known. */
  readonly topShare: number
}

export interface Look {
  /** When, in milliseconds of any clock that does not go back. */
  readonly at: number
  readonly shards: readonly ShardLook[]
  readonly subBits: number
}

/** What is remembered of a shard. Times are 0 where there is none. */
export interface Heat {
  readonly hot: boolean
  readonly cause: Cause | undefined
  /** Since when the shard is hot. */
  readonly hotSince: number
  /** The begin of the first of the windows in a row that were above the ratio. */
  readonly above: number
  /** The begin of the first of the windows in a row that were below the ratio of cooling. */
  readonly below: number
  /** Looks in a row in which too many operations failed. */
  readonly failing: number
  /** Operations per second that callers want as a rule, from so many looks that spoke for the shard. */
  readonly usual: number
  readonly learned: number
}

export interface Verdict extends Heat {
  /** The shard's P99 and that of the others, in milliseconds. */
  readonly p99: number
  readonly others: number
  readonly operations: number
  readonly errorShare: number
  /** Whether this look alone speaks against the shard. */
  readonly suspect: boolean
}

export interface Detected {
  readonly shards: readonly Verdict[]
  /** Whether most shards are slow in this look, and no shard has the heat. */
  readonly allSlow: boolean
}

export interface DetectSettings {
  readonly windows: Pick<Windows, 'look' | 'short' | 'long'>
  readonly detection: Detection
  readonly degrade: Pick<Degrade, 'errors' | 'minOperations'>
  readonly limits: { readonly p99: number; readonly looks: number }
}

export const COLD: Heat = {
  hot: false,
  cause: undefined,
  hotSince: 0,
  above: 0,
  below: 0,
  failing: 0,
  usual: 0,
  learned: 0,
}

/** So many shards take about a tenth of a millisecond in each part of a look. */
export const SHARDS_PER_STEP = 32

/** A shard with fewer operations in the window says little about what is usual. */
const LEAST_OF_A_PEER = 10
/** A shard that gets this many times the average is hot by a key, if one key has most of its load. */
const LOAD_OF_A_HOT_KEY = 1.5
/** And if callers want this many times what they want as a rule, where that is known: a shard that gets slow has no more load than before. */
const MORE_THAN_USUAL = 1.2
/** A shard fails by itself if the others fail this many times less. */
const FAILS_ALONE = 3
/** The heat of a hot shard is this many times its fair share at least. */
const HEAT_OVER_FAIR = 3
/** What a shard holds beyond its part of the common wait is this share of all operations under way at least, and so many: fewer come by chance. */
const HELD_SHARE = 0.1
const LEAST_HELD = 8

interface Measured {
  readonly p99: number
  readonly operations: number
  readonly spent: number
}

export function detect(look: Look, heats: readonly Heat[], settings: DetectSettings): Detected {
  const steps = detecting(look, heats, settings)
  while (true) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** As `detect`, in steps of a few shards each: thousands of shards take longer than an event loop may stop. */
export function* detecting(look: Look, heats: readonly Heat[], settings: DetectSettings): Generator<void, Detected> {
  const measured: Measured[] = []
  for (const { latencies } of look.shards) {
    measured.push(measure(latencies, look.subBits))
    if (measured.length % SHARDS_PER_STEP === 0) yield
  }
  const peers = measured.filter(({ operations }) => operations >= LEAST_OF_A_PEER)
  const usual = median(peers.map(({ p99 }) => p99))
  const inUse = look.shards.filter(({ minute }) => minute > 0).length
  const { detection, degrade, limits } = settings
  const isApart = measured.map(
    ({ p99, operations }) => operations > 0 && peers.length > 1 && p99 > detection.ratio * usual,
  )
  const others = new Others(look, isApart, measured)
  yield* others.adding()
  const spent = measured.reduce((sum, each) => sum + each.spent, 0)
  const mean = measured.reduce((sum, each) => sum + each.operations, 0) / Math.max(1, inUse)
  const hottest = Math.max(detection.heatShare, HEAT_OVER_FAIR / Math.max(1, inUse))
  const held = heldOf(look, measured, settings.windows.short)
  let hasHeat = false
  const shards: Verdict[] = []
  for (const [index, shard] of look.shards.entries()) {
    if (index % SHARDS_PER_STEP === 0) yield
    const { p99, operations, spent: own } = measured[index]
    const rest = others.without(index)
    const isJudged = shard.minute >= detection.minOperations && rest.operations > 0
    const byHeat = isJudged && rest.p99 > limits.p99 && ((operations > 0 && own >= hottest * spent) || held === index)
    if (byHeat) hasHeat = true
    const errorShare = operations === 0 ? 0 : shard.errors / operations
    const fails =
      operations >= degrade.minOperations && errorShare > degrade.errors && errorShare > FAILS_ALONE * rest.errorShare
    const heat = heats[index] ?? COLD
    const signs = {
      at: look.at,
      isAbove: isJudged && (p99 > detection.ratio * rest.p99 || byHeat),
      isBelow: !byHeat && (operations === 0 || p99 <= detection.coolRatio * rest.p99),
      fails,
      isHotKey:
        shard.topShare >= detection.hotKeyShare &&
        operations > LOAD_OF_A_HOT_KEY * mean &&
        isMore(shard, heat, settings),
    }
    const next = nextOf(heat, signs, settings)
    const suspect = next.hot || signs.isAbove || fails
    shards.push({
      ...next,
      ...(suspect || shard.governed ? usualOf(heat) : learn(shard, heat, settings)),
      p99,
      others: rest.p99,
      operations,
      errorShare,
      suspect,
    })
  }
  return { shards, allSlow: usual > limits.p99 && !hasHeat }
}

/** The shard that holds far more operations than its rate and the latency of the others explain; undefined: none does. */
function heldOf({ shards }: Look, measured: readonly Measured[], short: number): number | undefined {
  const sum = (of: (index: number) => number) => shards.reduce((total, _, index) => total + of(index), 0)
  const operations = sum(index => measured[index].operations)
  const spent = sum(index => measured[index].spent)
  const inFlight = sum(index => shards[index].inFlight)
  let most = Math.max(LEAST_HELD, HELD_SHARE * inFlight)
  let found: number | undefined
  for (const [index, own] of measured.entries()) {
    const others = operations - own.operations
    const latency = others === 0 ? 0 : (spent - own.spent) / others
    const excess = shards[index].inFlight - (own.operations / short) * latency
    if (excess < most) continue
    most = excess
    found = index
  }
  return found
}

type Usual = Pick<Heat, 'usual' | 'learned'>

function usualOf({ usual, learned }: Heat): Usual {
  return { usual, learned }
}

/** A mean that forgets within the long window. It follows a sudden rise slowly, as that may be the begin of a hot key. */
function learn({ wanted }: ShardLook, { usual, learned: before }: Heat, { windows }: DetectSettings): Usual {
  const learned = Math.min(before + 1, Math.round(windows.long / windows.look))
  const seen = before === 0 ? wanted : Math.min(wanted, MORE_THAN_USUAL * Math.max(1, usual))
  return { usual: usual + (seen - usual) / learned, learned }
}

/** Whether callers want more than as a rule; true where that is not known. */
function isMore({ wanted }: ShardLook, { usual, learned }: Heat, { windows, detection }: DetectSettings): boolean {
  return learned * windows.look < detection.for || wanted >= MORE_THAN_USUAL * usual
}

interface Signs {
  readonly at: number
  readonly isAbove: boolean
  readonly isBelow: boolean
  readonly fails: boolean
  readonly isHotKey: boolean
}

function nextOf(heat: Heat, signs: Signs, settings: DetectSettings): Omit<Heat, 'usual' | 'learned'> {
  const { at, isAbove, isBelow, fails } = signs
  const begin = at - settings.windows.short
  const failing = fails ? heat.failing + 1 : 0
  const above = isAbove ? heat.above || begin : 0
  const below = isBelow && !fails ? heat.below || begin : 0
  // A little less than the whole time: looks come some milliseconds late or early.
  const long = settings.detection.for - settings.windows.short / 20
  const isLong = (since: number) => since !== 0 && at - since >= long
  if (heat.hot) {
    if (isLong(below)) return { ...COLD, below }
    return { hot: true, cause: causeOf(heat, signs), hotSince: heat.hotSince, above, below, failing }
  }
  if (!isLong(above) && failing < settings.limits.looks) return { ...COLD, above, below, failing }
  const hotSince = isLong(above) ? above : begin
  return { hot: true, cause: causeOf(heat, signs), hotSince, above, below: 0, failing }
}

/** The cause can change while a shard is hot. It stays where the look says nothing. */
function causeOf(heat: Heat, { isAbove, fails, isHotKey }: Signs): Cause {
  if (fails) return 'failing shard'
  if (heat.cause !== undefined && !isAbove) return heat.cause
  return isHotKey ? 'hot key' : 'slow shard'
}

interface Rest {
  readonly p99: number
  readonly operations: number
  readonly errorShare: number
}

/** The shards that are usual, added up, so that each shard can be compared with the sum without itself. */
class Others {
  readonly #look: Look
  readonly #isApart: readonly boolean[]
  readonly #measured: readonly Measured[]
  readonly #counts: Float64Array
  #all: Rest = { p99: 0, operations: 0, errorShare: 0 }
  #operations = 0
  #errors = 0

  constructor(look: Look, isApart: readonly boolean[], measured: readonly Measured[]) {
    this.#look = look
    this.#isApart = isApart
    this.#measured = measured
    this.#counts = new Float64Array(look.shards[0]?.latencies.length ?? 0)
  }

  *adding(): Generator<void, void> {
    const isApart = this.#isApart
    const measured = this.#measured
    for (const [index, { latencies, errors }] of this.#look.shards.entries()) {
      if (index % SHARDS_PER_STEP === 0) yield
      if (isApart[index] || measured[index].operations === 0) continue
      for (let i = 0; i < latencies.length; i++) this.#counts[i] += latencies[i]
      this.#operations += measured[index].operations
      this.#errors += errors
    }
    this.#all = this.#figures(undefined, this.#operations, this.#errors)
  }

  without(index: number): Rest {
    if (this.#isApart[index]) return this.#all
    const { latencies, errors } = this.#look.shards[index]
    return this.#figures(latencies, this.#operations - this.#measured[index].operations, this.#errors - errors)
  }

  #figures(less: ArrayLike<number> | undefined, operations: number, errors: number): Rest {
    const p99 = highQuantileOf(this.#counts, less, operations, 0.99, this.#look.subBits)
    return { p99, operations, errorShare: operations === 0 ? 0 : errors / operations }
  }
}

function measure(latencies: ArrayLike<number>, subBits: number): Measured {
  const middles = middlesOf(subBits)
  let operations = 0
  let spent = 0
  for (let i = 0; i < latencies.length; i++) {
    operations += latencies[i]
    spent += latencies[i] * middles[i]
  }
  return { operations, spent, p99: highQuantileOf(latencies, undefined, operations, 0.99, subBits) }
}

/** The lower of the two in the middle: of two shards the better one is the usual one. */
function median(values: number[]): number {
  if (values.length === 0) return 0
  return values.sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
}
