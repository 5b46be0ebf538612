/**
 * The level of one shard, as a pure function of what was remembered and what one look saw: no clock, no thread, no chance.
 *
 * Up: level 1 when the shard is hot and its P99 is above the limit `looks` times in a row; level 2 when it stays above for `isolation.after`;
 * level 3 when too many operations fail. Down: one level at a time, after good short windows, and only when the level has lasted for `hold`,
 * which doubles with each relapse. The band in between changes nothing.
 *
 * What a shard did while it was over the limit is its knee: the most that it can do. While callers want more than that, level 1 stays a part below the
 * knee and goes on from there on trial only, because each step above it lets a queue grow from which everyone else suffers.
 */
import type { Degrade, Isolation, Limits, Recovery, Windows } from '../options.js'
import type { Level } from '../snapshot.js'

/** What is remembered of a shard: numbers only, each valid by itself, 0 where there is none. Times are those of the looks. */
export interface Policy {
  readonly level: Level
  /** When the level began. */
  readonly since: number
  /** Looks in a row with a P99 above the limit, and when the first of them was. */
  readonly over: number
  readonly overSince: number
  /** Looks in a row without a P99 above the limit, since the level or the limit last changed. */
  readonly calm: number
  /** About how many operations ended in them. */
  readonly shown: number
  /** Looks in a row with too many errors. */
  readonly failing: number
  /** Operations per second that level 1 admits. */
  readonly limit: number
  /** How often the level has risen again soon after it fell. */
  readonly relapses: number
  /** When the level last fell. */
  readonly fell: number
  /** Operations per second that callers wanted when the level rose. */
  readonly wanted: number
  /** Operations per second that succeeded when the shard was last over the limit: the most that it can do. */
  readonly knee: number
  /** When level 1's limit was last set. */
  readonly eased: number
  /** Whether the shard has been good under the limit: 1. */
  readonly cured: number
  /** Whether a key's load was what made the level rise: 1. */
  readonly loaded: number
  /** How many probes of level 3 speak for the shard; each failure takes back as many as there may be for it. */
  readonly proven: number
}

export const CALM: Policy = {
  level: 0,
  since: 0,
  over: 0,
  overSince: 0,
  calm: 0,
  shown: 0,
  failing: 0,
  limit: 0,
  relapses: 0,
  fell: 0,
  wanted: 0,
  knee: 0,
  eased: 0,
  cured: 0,
  loaded: 0,
  proven: 0,
}

/** What a look saw of a shard, in the short window. Of the governor's own refusals and waiting nothing is in latency and errors. */
export interface Observation {
  readonly at: number
  readonly hot: boolean
  /** Whether one key makes the shard hot. */
  readonly hotKey: boolean
  /** Operations that ended, and their P99 in milliseconds. */
  readonly operations: number
  readonly p99: number
  /** The share of them that failed. */
  readonly errorShare: number
  /** Operations per second that ended, and of these the ones that threw nothing. */
  readonly rate: number
  readonly succeeded: number
  /** Operations that are under way. */
  readonly inFlight: number
  /** Operations per second that callers wanted: with those that were refused, rerouted, or answered from memory. */
  readonly offered: number
  /** How many operations callers wanted in the last minute. */
  readonly minute: number
  /** Operations let through at level 3 since the last look, and how many failed meanwhile. */
  readonly probes: number
  readonly probeErrors: number
}

/** Why a level changed. The numbers are kept in shared memory. */
export const REASONS = {
  overLimit: 1,
  stillOver: 2,
  errors: 3,
  probesGood: 4,
  quiet: 5,
  calm: 6,
  demandFell: 7,
  trial: 8,
  unlimited: 9,
  pinned: 10,
  unpinned: 11,
  switchedOff: 12,
  unknown: 13,
  relapsed: 14,
} as const

export type Reason = (typeof REASONS)[keyof typeof REASONS]

export type Action =
  | { readonly type: 'level'; readonly from: Level; readonly to: Level; readonly reason: Reason }
  | { readonly type: 'limit'; readonly limit: number }
  | { readonly type: 'alert' }

export interface Decision {
  readonly state: Policy
  readonly actions: readonly Action[]
}

export interface DecideSettings {
  readonly windows: Windows
  readonly limits: Limits
  readonly isolation: Pick<Isolation, 'after'>
  readonly degrade: Degrade
  readonly recovery: Recovery
}

/** `hold` doubles with each relapse up to this many times. */
const MOST_DOUBLINGS = 2
/** Callers want less if the load has fallen to this share of what it was. */
const DEMAND_FELL = 0.7
/** While a hot key is still wanted as before, isolation is only given up on trial, after this many times `hold`. */
const TRIAL_HOLDS = 4
/** A shard is good again if this share of the errors that degrade it is left. */
const GOOD_SHARE = 0.5
/**
 * `degrade.probes` good probes end level 3 where callers want at least twice as many operations in a minute: three probes of a shard that fails 30% all
 * succeed one time in three, twenty one time in a thousand. A shard that is seldom called is judged by fewer.
 */
const LEAST_PROBES = 3
const PROBED_SHARE = 0.5
/** The limit stays at this part of the knee: operations that come evenly wait little there. */
const BELOW_KNEE = 0.75
/** From there on it rises by this factor, one step in so many times `hold`; once it is as far above the knee, the knee is refuted. */
const TRIAL_GROWTH = 1.15
/** A limit ends if it is above what callers want by this factor: what they want varies by chance. */
const MARGIN = 1.1
/** So many operations under way that take longer than the limit at the present rate are an overload before the first of them has ended. */
const LEAST_BACKLOG = 8
/** Fewer operations say little; then a minute must have passed. */
const LEAST_EVIDENCE = 10

export function decide(state: Policy, seen: Observation, settings: DecideSettings): Decision {
  return new Deciding(state, seen, settings).decide()
}

type Figures = Pick<Observation, 'operations' | 'p99' | 'errorShare' | 'rate' | 'inFlight'>

/**
 * Whether `decide` would leave a shard of level 0 as it is, whose state has no look over the limit and none that failed: nothing but `calm` and `shown` would
 * change, which count from the last step on. Nearly all shards are so in nearly all looks.
 */
export function isUneventful(seen: Figures, settings: DecideSettings): boolean {
  return !overs(seen, settings) && !fails(seen, settings)
}

/** Whether the P99 is over the limit; or that of the operations under way, by Little's law at the rate of the window. */
function overs({ operations, p99, rate, inFlight }: Figures, { limits }: DecideSettings): boolean {
  return (operations > 0 && p99 > limits.p99) || (inFlight >= LEAST_BACKLOG && inFlight * 1000 > rate * limits.p99)
}

function fails({ operations, errorShare }: Figures, { degrade }: DecideSettings): boolean {
  return operations >= degrade.minOperations && errorShare > degrade.errors
}

class Deciding {
  readonly #before: Policy
  readonly #seen: Observation
  readonly #settings: DecideSettings
  readonly #actions: Action[] = []
  #state: Policy

  constructor(state: Policy, seen: Observation, settings: DecideSettings) {
    this.#before = state
    this.#seen = seen
    this.#settings = settings
    const isOver = overs(seen, settings)
    const isFailing = fails(seen, settings)
    this.#state = {
      ...state,
      over: isOver ? state.over + 1 : 0,
      overSince: isOver ? state.overSince || seen.at : 0,
      // A look without operations says nothing about the shard.
      calm: isOver ? 0 : state.calm + (seen.operations > 0 ? 1 : 0),
      shown: isOver ? 0 : state.shown + (seen.rate * settings.windows.look) / 1000,
      failing: isFailing ? state.failing + 1 : 0,
      proven: Math.max(
        0,
        state.proven + seen.probes - seen.probeErrors * (1 + 1 / (settings.degrade.errors * GOOD_SHARE)),
      ),
      relapses: state.level === 0 && seen.at - state.fell > settings.windows.long ? 0 : state.relapses,
    }
  }

  decide(): Decision {
    const { level } = this.#before
    if (level < 3 && this.#mustDegrade()) this.#rise(3, REASONS.errors)
    else if (level === 0) this.#watch()
    else if (this.#seen.offered === 0) this.#unwanted()
    else if (level === 1) this.#limited()
    else if (level === 2) this.#isolated()
    else this.#degraded()
    return { state: this.#state, actions: this.#actions }
  }

  #mustDegrade(): boolean {
    return (this.#seen.hot || this.#before.level > 0) && this.#state.failing >= this.#settings.limits.looks
  }

  #watch(): void {
    const { limits } = this.#settings
    if (!this.#seen.hot || this.#state.over < limits.looks) return
    this.#rise(1, REASONS.overLimit)
    this.#cut()
  }

  #limited(): void {
    const { isolation, limits } = this.#settings
    const { at } = this.#seen
    const { over, overSince, cured } = this.#state
    const isOver = over >= limits.looks
    // A shard that comes out of isolation too early goes back at once: everyone else would suffer for all of `isolation.after`.
    if (this.#isTrial && isOver) this.#rise(2, REASONS.relapsed)
    else if (overSince !== 0 && at - overSince > isolation.after) this.#rise(2, REASONS.stillOver)
    else if (isOver && cured !== 0) this.#cutAgain()
    else if (!this.#isGood()) return
    else this.#ease()
  }

  /** The limit was too high: back to a part of what the shard does. */
  #cutAgain(): void {
    this.#state = { ...this.#state, relapses: this.#state.relapses + 1 }
    this.#cut()
  }

  #cut(): void {
    const { succeeded } = this.#seen
    this.#state = { ...this.#state, knee: succeeded, calm: 0, shown: 0, over: 0, cured: 0 }
    this.#limit(succeeded * this.#settings.limits.share)
  }

  /** Raises the limit after a good window, or ends it: fast where nothing is known against it, and slowly near the knee. */
  #ease(): void {
    const { limit } = this.#state
    const { offered } = this.#seen
    this.#state = { ...this.#state, cured: 1 }
    const next = this.#nextLimit()
    // A limit above what callers want has no effect. They come by chance: even then some are refused, so refusals are no reason to keep it.
    if (next >= offered * MARGIN) {
      if (this.#isHeld(1)) this.#fall(0, REASONS.unlimited)
    } else if (next > limit) {
      this.#state = { ...this.#state, calm: 0, shown: 0 }
      this.#limit(next)
    }
  }

  #nextLimit(): number {
    const { limit, knee, eased, loaded } = this.#state
    const fast = Math.min(limit, Math.max(this.#seen.offered, 1)) * this.#settings.recovery.growth
    const most = knee * BELOW_KNEE
    if (knee === 0 || limit >= knee * TRIAL_GROWTH) {
      this.#state = { ...this.#state, knee: 0 }
      return fast
    }
    if (limit < most) return Math.min(fast, most)
    return this.#isPast(eased, loaded === 0 ? 1 : TRIAL_HOLDS) ? limit * TRIAL_GROWTH : limit
  }

  #isolated(): void {
    const { offered, succeeded } = this.#seen
    if (!this.#isGood() || !this.#isHeld(1)) return
    const { wanted, loaded, knee } = this.#state
    const isLess = offered <= wanted * DEMAND_FELL
    const isTrial = loaded !== 0 && !isLess
    // Isolation keeps a hot key's shard calm. That says nothing about what happens without it, while callers want as much as before.
    if (isTrial && !this.#isHeld(TRIAL_HOLDS)) return
    this.#fall(1, isLess ? REASONS.demandFell : isTrial ? REASONS.trial : REASONS.calm)
    // Half of what callers want of a hot key may be too much from the first moment: a trial begins with half of what the shard can do.
    this.#state = { ...this.#state, knee: isTrial ? Math.max(knee, succeeded) : 0 }
    this.#limit((this.#state.knee || offered) * this.#settings.limits.share)
  }

  #degraded(): void {
    const { degrade, windows } = this.#settings
    const wanted = (this.#seen.offered * windows.minute) / 1000
    const enough = Math.max(LEAST_PROBES, Math.min(degrade.probes, wanted * PROBED_SHARE))
    if (this.#isHeld(1) && this.#state.proven >= enough) this.#fall(2, REASONS.probesGood)
  }

  /** Nobody calls, so nothing shows how the shard does. */
  #unwanted(): void {
    const { level, since } = this.#before
    if (this.#seen.minute > 0 || this.#seen.at - since < this.#settings.windows.minute) return
    this.#fall((level - 1) as Level, REASONS.quiet)
    if (level === 2) this.#limit(this.#state.limit)
  }

  /** Whether a whole short window passed since the last step, no look in it was above the limit, and there was enough to see. */
  #isGood(): boolean {
    const { windows } = this.#settings
    const { calm, shown, failing, since, eased } = this.#state
    const isSeen = shown >= LEAST_EVIDENCE || this.#seen.at - Math.max(since, eased) >= windows.minute
    return isSeen && failing === 0 && calm >= Math.round(windows.short / windows.look)
  }

  /** Whether the level has lasted for so many times `hold`. */
  #isHeld(times: number): boolean {
    return this.#isPast(this.#before.since, times)
  }

  /** Whether so many times `hold` have passed since then. */
  #isPast(since: number, times: number): boolean {
    const { recovery, windows } = this.#settings
    const hold = times * recovery.hold * 2 ** Math.min(this.#before.relapses, MOST_DOUBLINGS)
    // Looks come some milliseconds late or early.
    return this.#seen.at - since >= hold - windows.look / 10
  }

  /** Whether level 1 began by the end of isolation. */
  get #isTrial(): boolean {
    return this.#before.fell !== 0 && this.#before.fell === this.#before.since
  }

  #rise(to: Level, reason: Reason): void {
    const { at, offered, hotKey } = this.#seen
    const { fell, relapses, wanted, level, loaded } = this.#state
    const isRelapse = fell !== 0 && at - fell <= this.#settings.windows.long
    this.#change(to, reason)
    this.#state = {
      ...this.#state,
      relapses: isRelapse ? relapses + 1 : relapses,
      // Under a level the shard need not be hot, and its cause is no longer known.
      loaded: hotKey || (level > 0 && loaded !== 0) ? 1 : 0,
      // At a level above 0 the demand is that of callers who know of the limit: the larger figure is the true one.
      wanted: level === 0 ? offered : Math.max(wanted, offered),
      fell: 0,
    }
    if (to >= 2 && level < 2) this.#actions.push({ type: 'alert' })
  }

  #fall(to: Level, reason: Reason): void {
    this.#change(to, reason)
    this.#state = { ...this.#state, fell: this.#seen.at }
  }

  #change(to: Level, reason: Reason): void {
    this.#actions.push({ type: 'level', from: this.#before.level, to, reason })
    this.#state = {
      ...this.#state,
      level: to,
      since: this.#seen.at,
      calm: 0,
      shown: 0,
      over: 0,
      overSince: 0,
      failing: 0,
      cured: 0,
      proven: 0,
    }
  }

  #limit(limit: number): void {
    const at = Math.max(this.#settings.limits.least, limit)
    if (at === this.#state.limit) return
    this.#state = { ...this.#state, limit: at, eased: this.#seen.at }
    this.#actions.push({ type: 'limit', limit: at })
  }
}
