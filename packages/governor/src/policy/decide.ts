/**
 * The level of one shard, as a pure function of what was remembered and what one look saw: no clock, no thread, no chance.
 *
 * Up: level 1 when the shard is hot and its P99 is above the limit `looks` times in a row; level 2 when it stays above for `isolation.after`;
 * level 3 when too many operations fail. Down: one level at a time, after good short windows, and only when the level has lasted for `hold`,
 * which doubles with each relapse. The band in between changes nothing.
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
}

export const CALM: Policy = {
  level: 0,
  since: 0,
  over: 0,
  overSince: 0,
  calm: 0,
  failing: 0,
  limit: 0,
  relapses: 0,
  fell: 0,
  wanted: 0,
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
  /** Operations per second that ended. */
  readonly rate: number
  /** Operations per second that callers wanted: with those that were refused, rerouted, or answered from memory. */
  readonly offered: number
  /** Operations that were refused. */
  readonly refused: number
  /** Operations let through at level 3 in the last two short windows, and how many of these failed. */
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
 * From so many probes on their errors are judged, where callers want at least twice as many operations: three probes of a shard that fails 30% all succeed one
 * time in three, ten one time in 35. A shard that is seldom called is judged by fewer.
 */
const LEAST_PROBES = 3
const PROBED_SHARE = 0.5

export function decide(state: Policy, seen: Observation, settings: DecideSettings): Decision {
  return new Deciding(state, seen, settings).decide()
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
    const isOver = seen.operations > 0 && seen.p99 > settings.limits.p99
    const isFailing = seen.operations >= settings.degrade.minOperations && seen.errorShare > settings.degrade.errors
    this.#state = {
      ...state,
      over: isOver ? state.over + 1 : 0,
      overSince: isOver ? state.overSince || seen.at : 0,
      // A look without operations says nothing about the shard.
      calm: isOver ? 0 : state.calm + (seen.operations > 0 ? 1 : 0),
      failing: isFailing ? state.failing + 1 : 0,
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
    this.#limit(this.#seen.rate * limits.share)
  }

  #limited(): void {
    const { isolation, limits, recovery } = this.#settings
    const { at, offered } = this.#seen
    const { overSince, limit } = this.#state
    // A shard that comes out of isolation too early goes back at once: everyone else would suffer for all of `isolation.after`.
    if (this.#isTrial && this.#state.over >= limits.looks) this.#rise(2, REASONS.relapsed)
    else if (overSince !== 0 && at - overSince > isolation.after) this.#rise(2, REASONS.stillOver)
    else if (!this.#isGood()) return
    // Callers come by chance: even a limit of twice what they want refuses some of them, so refusals alone are no reason to keep it.
    else if (limit >= offered) {
      if (this.#isHeld(1)) this.#fall(0, REASONS.unlimited)
    } else {
      // A limit above what callers want has no effect: it need not rise further.
      this.#limit(Math.min(limit, Math.max(offered, 1)) * recovery.growth)
      this.#state = { ...this.#state, calm: 0 }
    }
  }

  #isolated(): void {
    const { hotKey, offered, rate } = this.#seen
    if (!this.#isGood() || !this.#isHeld(1)) return
    const isLess = offered <= this.#state.wanted * DEMAND_FELL
    // Isolation keeps a hot key's shard calm. That says nothing about what happens without it, while callers want as much as before.
    if (hotKey && !isLess && !this.#isHeld(TRIAL_HOLDS)) return
    this.#fall(1, isLess ? REASONS.demandFell : hotKey ? REASONS.trial : REASONS.calm)
    const { limits } = this.#settings
    // Half of what callers want of a hot key may be too much from the first moment: a trial begins with half of what the shard does now.
    this.#limit((hotKey && !isLess ? Math.min(offered, rate) : offered) * limits.share)
  }

  #degraded(): void {
    const { degrade, windows } = this.#settings
    const { probes, probeErrors, offered } = this.#seen
    if (!this.#isHeld(1)) return
    const wanted = (offered * 2 * windows.short) / 1000
    const enough = Math.max(LEAST_PROBES, Math.min(degrade.probes, wanted * PROBED_SHARE))
    const isGood = probes >= enough && probeErrors / probes <= degrade.errors * GOOD_SHARE
    if (isGood) this.#fall(2, REASONS.probesGood)
  }

  /** Nobody calls, so nothing shows how the shard does. */
  #unwanted(): void {
    const { level, since } = this.#before
    if (this.#seen.at - since < this.#settings.windows.minute) return
    this.#fall((level - 1) as Level, REASONS.quiet)
    if (level === 2) this.#limit(this.#state.limit)
  }

  /** Whether a whole short window passed since the last step, and no look in it was above the limit. */
  #isGood(): boolean {
    const { windows } = this.#settings
    return this.#state.calm >= Math.round(windows.short / windows.look) && this.#state.failing === 0
  }

  /** Whether the level has lasted for so many times `hold`. */
  #isHeld(times: number): boolean {
    const { recovery, windows } = this.#settings
    const { since, relapses } = this.#before
    const hold = times * recovery.hold * 2 ** Math.min(relapses, MOST_DOUBLINGS)
    // Looks come some milliseconds late or early.
    return this.#seen.at - since >= hold - windows.look / 10
  }

  /** Whether level 1 began by the end of isolation. */
  get #isTrial(): boolean {
    return this.#before.fell !== 0 && this.#before.fell === this.#before.since
  }

  #rise(to: Level, reason: Reason): void {
    const { at, offered } = this.#seen
    const { fell, relapses, wanted, level } = this.#state
    const isRelapse = fell !== 0 && at - fell <= this.#settings.windows.long
    this.#change(to, reason)
    this.#state = {
      ...this.#state,
      relapses: isRelapse ? relapses + 1 : relapses,
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
    this.#state = { ...this.#state, level: to, since: this.#seen.at, calm: 0, over: 0, overSince: 0, failing: 0 }
  }

  #limit(limit: number): void {
    const at = Math.max(this.#settings.limits.least, limit)
    if (at === this.#state.limit) return
    this.#state = { ...this.#state, limit: at }
    this.#actions.push({ type: 'limit', limit: at })
  }
}
