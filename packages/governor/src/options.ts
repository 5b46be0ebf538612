/** The options of a governor, their checks, and the settings that all threads share. */
import { OptionError } from 'threadmap'

/** The options of `new Governor()`. Times are in milliseconds. */
export interface GovernorOptions {
  /** What the operations should keep. `p99`: milliseconds that 99% of them take at most. */
  objective: { p99: number }
  /** `guide`: limits at a P99 of 800 ms, whatever the objective is. */
  preset?: 'guide'
  /** How many shards: from 1 to 4,096; default 64. */
  shards?: number
  /** The shard of a key, from 0 to `shards - 1`. Default: by a hash of the key. Each thread passes its own, also to `attach`. */
  shardOf?: (key: string) => number
  /** Whether an error counts as a failure of the shard; default: each does. Each thread passes its own, also to `attach`. */
  isFailure?: (error: unknown) => boolean
  /** How long a call may wait for room at levels 1 and 2. Default 0: it is refused at once. A call can say otherwise. */
  wait?: number
  /** The windows over which latencies are looked at. */
  windows?: Partial<Windows>
  /** Multiplies all times of `windows`, `detection`, `isolation` and `recovery`, defaults included: 0.1 for a test or a demonstration. */
  timeScale?: number
  detection?: Partial<Detection>
  limits?: Partial<Limits>
  isolation?: Partial<Isolation>
  degrade?: Partial<Degrade>
  recovery?: Partial<Recovery>
  copies?: Partial<Copies>
  keys?: Partial<Keys>
}

/** Milliseconds. Each is a multiple of `look`. */
export interface Windows {
  /** How often the shards are looked at. Default 5,000. */
  readonly look: number
  /** The window that decides. Default 10,000. */
  readonly short: number
  /** The window of `minOperations`, and of the figures in a snapshot. Default 60,000. */
  readonly minute: number
  /** The window for trend. Default 300,000. */
  readonly long: number
}

export interface Detection {
  /** A shard is hot when its P99 is more than this many times that of all others. Default 3. */
  readonly ratio: number
  /** A hot shard is hot until its P99 is at most this many times that of the others. Default 2; at least 1, at most `ratio`. */
  readonly coolRatio: number
  /** For how long, in each short window, until the shard is hot, and until it no longer is. Default 30,000. */
  readonly for: number
  /** A shard with fewer operations in the last minute is not judged. Default 200. */
  readonly minOperations: number
  /**
   * Where all are slow: a shard that has this share of all time spent, and three times its share at least, is hot all the same. It
   * holds what the others wait for, such as connections of a pool. Default 0.3.
   */
  readonly heatShare: number
  /** The share of a shard's operations from which one key is the cause. Default 0.25. */
  readonly hotKeyShare: number
}

/** Level 1. */
export interface Limits {
  /** Milliseconds. Default: the objective's; 800 with the preset `guide`. */
  readonly p99: number
  /** How many looks in a row a hot shard's P99 must be above `p99`. Default 2. */
  readonly looks: number
  /** The share of its measured rate that a limited shard gets. Default 0.5. */
  readonly share: number
  /** No limit is lower, in operations per second. Default 5. */
  readonly least: number
}

/** Level 2. */
export interface Isolation {
  /** How long the P99 must stay above the limit until the shard is isolated. Default 60,000. */
  readonly after: number
  /** Operations of an isolated shard that may be under way at once, in all threads together: 1 to 64. Default 4. */
  readonly concurrency: number
}

/** Level 3. */
export interface Degrade {
  /** The share of failed operations above which a shard is degraded. Default 0.15. */
  readonly errors: number
  /** With fewer operations in the short window it is not. Default 20. */
  readonly minOperations: number
  /**
   * How many operations per short window are let through, one at a time, to see whether the shard has recovered; so many good ones prove it. Default 20.
   */
  readonly probes: number
}

export interface Recovery {
  /** How long a level lasts at least. It doubles with each relapse, up to fourfold. Default: the short window. */
  readonly hold: number
  /** By what factor the limit of level 1 rises after each good short window. Default 2. */
  readonly growth: number
}

/** The shared memory in which values of reads are kept. */
export interface Copies {
  /** Its size at most. Default 64 MiB. */
  readonly maxBytes: number
  /** `suspect`: values are kept for shards that are hot or look it; `always`: for all. Default `suspect`. */
  readonly keep: 'suspect' | 'always'
  /** How long a value can serve as the last good one. Default 600,000. */
  readonly lastGoodFor: number
}

/** The most frequent keys. */
export interface Keys {
  /** Counts halve in this time. Default 60,000. */
  readonly halfLife: number
  /** One in how many operations is counted at least. Default 1; busy threads count fewer, about 10,000 a second. */
  readonly sample: number
}

/** Checked options, which all threads have. JSON keeps them. */
export interface Settings {
  readonly objective: { readonly p99: number }
  readonly shards: number
  readonly wait: number
  readonly windows: Windows
  readonly detection: Detection
  readonly limits: Limits
  readonly isolation: Isolation
  readonly degrade: Degrade
  readonly recovery: Recovery
  readonly copies: Copies
  readonly keys: Keys
}

export const MOST_SHARDS = 4096
export const MOST_CONCURRENCY = 64
/** The 800 ms of the guide's chapter 4.4. */
const GUIDE_P99 = 800
const LONGEST = 2 ** 31 - 1
const OPTIONS = [
  ...['objective', 'preset', 'shards', 'shardOf', 'isFailure', 'wait', 'windows', 'timeScale', 'detection', 'limits'],
  ...['isolation', 'degrade', 'recovery', 'copies', 'keys'],
]

/** Checks the options. `OptionError` says which is wrong, its value and its range. */
export function checkOptions(options: GovernorOptions): Settings {
  checkGroup('new Governor()', options, OPTIONS)
  const { preset } = options
  if (preset !== undefined && preset !== 'guide') {
    throw new OptionError(`the option preset is 'guide' or absent, and is ${String(preset)}`)
  }
  if (typeof options.objective !== 'object' || options.objective === null) {
    throw new OptionError('new Governor() needs an objective, as in { objective: { p99: 50 } } for 50 ms')
  }
  checkGroup('objective', options.objective, ['p99'])
  const objective = { p99: number('objective.p99', options.objective.p99, undefined, 0.001, LONGEST) }
  checkFunction('shardOf', options.shardOf)
  checkFunction('isFailure', options.isFailure)
  const scale = number('timeScale', options.timeScale, 1, 0.001, 1000)
  const windows = checkWindows(options.windows ?? {}, scale)
  const settings: Settings = {
    objective,
    shards: whole('shards', options.shards, 64, 1, MOST_SHARDS),
    wait: number('wait', options.wait, 0, 0, LONGEST),
    windows,
    detection: checkDetection(options.detection ?? {}, scale),
    limits: checkLimits(options.limits ?? {}, preset === 'guide' ? GUIDE_P99 : objective.p99),
    isolation: checkIsolation(options.isolation ?? {}, scale),
    degrade: checkDegrade(options.degrade ?? {}),
    recovery: checkRecovery(options.recovery ?? {}, windows.short / scale, scale),
    copies: checkCopies(options.copies ?? {}),
    keys: checkKeys(options.keys ?? {}),
  }
  return inOrder(settings)
}

function checkWindows(given: Partial<Windows>, scale: number): Windows {
  checkGroup('windows', given, ['look', 'short', 'minute', 'long'])
  const time = (name: keyof Windows, otherwise: number) =>
    number(`windows.${name}`, given[name], otherwise, 0.001, LONGEST) * scale
  const windows = {
    look: time('look', 5000),
    short: time('short', 10_000),
    minute: time('minute', 60_000),
    long: time('long', 300_000),
  }
  if (windows.look < 10) throw new OptionError(`windows.look is ${windows.look} ms after timeScale; the least is 10 ms`)
  const { look, short, minute, long } = windows
  if (!(look <= short && short < minute && minute < long)) {
    throw new OptionError(
      `windows must be in order, look <= short < minute < long, and are ${look}, ${short}, ${minute}, ${long} ms`,
    )
  }
  for (const [name, value] of Object.entries({ short, minute, long })) {
    const looks = value / look
    if (Math.abs(looks - Math.round(looks)) > 1e-6) {
      throw new OptionError(`windows.${name} must be a multiple of windows.look (${look} ms), and is ${value} ms`)
    }
  }
  if (minute / look > 60) {
    throw new OptionError(`windows.minute may have 60 looks, and has ${minute / look}; make windows.look longer`)
  }
  return windows
}

function checkDetection(given: Partial<Detection>, scale: number): Detection {
  checkGroup('detection', given, ['ratio', 'coolRatio', 'for', 'minOperations', 'heatShare', 'hotKeyShare'])
  const ratio = number('detection.ratio', given.ratio, 3, 1, 1e6)
  const coolRatio = number('detection.coolRatio', given.coolRatio, Math.min(2, ratio), 1, 1e6)
  if (coolRatio > ratio) {
    throw new OptionError(`detection.coolRatio (${coolRatio}) must not be above detection.ratio (${ratio})`)
  }
  return {
    ratio,
    coolRatio,
    for: number('detection.for', given.for, 30_000, 0.001, LONGEST) * scale,
    minOperations: whole('detection.minOperations', given.minOperations, 200, 1, LONGEST),
    heatShare: number('detection.heatShare', given.heatShare, 0.3, 0.01, 1),
    hotKeyShare: number('detection.hotKeyShare', given.hotKeyShare, 0.25, 0.01, 1),
  }
}

function checkLimits(given: Partial<Limits>, p99: number): Limits {
  checkGroup('limits', given, ['p99', 'looks', 'share', 'least'])
  return {
    p99: number('limits.p99', given.p99, p99, 0.001, LONGEST),
    looks: whole('limits.looks', given.looks, 2, 1, 1000),
    share: number('limits.share', given.share, 0.5, 0.01, 1),
    least: number('limits.least', given.least, 5, 0.01, 1e9),
  }
}

function checkIsolation(given: Partial<Isolation>, scale: number): Isolation {
  checkGroup('isolation', given, ['after', 'concurrency'])
  return {
    after: number('isolation.after', given.after, 60_000, 0.001, LONGEST) * scale,
    concurrency: whole('isolation.concurrency', given.concurrency, 4, 1, MOST_CONCURRENCY),
  }
}

function checkDegrade(given: Partial<Degrade>): Degrade {
  checkGroup('degrade', given, ['errors', 'minOperations', 'probes'])
  return {
    errors: number('degrade.errors', given.errors, 0.15, 0.001, 1),
    minOperations: whole('degrade.minOperations', given.minOperations, 20, 1, LONGEST),
    probes: whole('degrade.probes', given.probes, 20, 3, 10_000),
  }
}

function checkRecovery(given: Partial<Recovery>, short: number, scale: number): Recovery {
  checkGroup('recovery', given, ['hold', 'growth'])
  return {
    hold: number('recovery.hold', given.hold, short, 0.001, LONGEST) * scale,
    growth: number('recovery.growth', given.growth, 2, 1.01, 100),
  }
}

function checkCopies(given: Partial<Copies>): Copies {
  checkGroup('copies', given, ['maxBytes', 'keep', 'lastGoodFor'])
  const keep = given.keep ?? 'suspect'
  if (keep !== 'suspect' && keep !== 'always') {
    throw new OptionError(`copies.keep is 'suspect' or 'always', and is ${String(keep)}`)
  }
  return {
    maxBytes: whole('copies.maxBytes', given.maxBytes, 64 * 2 ** 20, 2 ** 20, 2 ** 32),
    keep,
    lastGoodFor: number('copies.lastGoodFor', given.lastGoodFor, 600_000, 0.001, LONGEST),
  }
}

function checkKeys(given: Partial<Keys>): Keys {
  checkGroup('keys', given, ['halfLife', 'sample'])
  return {
    halfLife: number('keys.halfLife', given.halfLife, 60_000, 1, LONGEST),
    sample: whole('keys.sample', given.sample, 1, 1, 1_000_000),
  }
}

/** Checks what belongs together across groups: each level must come later than the one below it. */
function inOrder(settings: Settings): Settings {
  const { windows, isolation, detection, limits } = settings
  const limited = limits.looks * windows.look
  if (isolation.after < limited) {
    throw new OptionError(
      `the levels are out of order: isolation.after (${isolation.after} ms) is shorter than limits.looks * windows.look (${limited} ms)`,
    )
  }
  if (detection.for < windows.short) {
    throw new OptionError(
      `detection.for (${detection.for} ms) must be at least one short window (windows.short, ${windows.short} ms)`,
    )
  }
  return settings
}

export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') {
    throw new OptionError(`the option ${name} must be a function, and is ${String(value)}`)
  }
}

/** `OptionError` unless `group` is an object without unknown properties. */
export function checkGroup(of: string, group: object, known: readonly string[]): void {
  if (typeof group !== 'object' || group === null) {
    throw new OptionError(`${of} takes an object of options, and got ${String(group)}`)
  }
  for (const name of Object.keys(group)) {
    if (!known.includes(name)) throw new OptionError(`${of} has no option '${name}'. It takes ${known.join(', ')}`)
  }
}

/** A number within its range; `otherwise` where it is absent. `OptionError` if not. */
export function number(
  name: string,
  value: unknown,
  otherwise: number | undefined,
  least: number,
  most: number,
): number {
  const given = value === undefined ? otherwise : value
  if (typeof given !== 'number' || !(given >= least && given <= most)) {
    throw new OptionError(`the option ${name} must be a number from ${least} to ${most}, and is ${String(given)}`)
  }
  return given
}

function whole(name: string, value: unknown, otherwise: number, least: number, most: number): number {
  const given = number(name, value, otherwise, least, most)
  if (!Number.isInteger(given)) throw new OptionError(`the option ${name} must be a whole number, and is ${given}`)
  return given
}
