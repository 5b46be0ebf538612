/** What the governor did about the hot shard. Times are in ms from the begin of the run. */
export interface Levels {
  readonly changes: readonly LevelChange[]
  /** When it found the shard hot, in the fault; undefined: it did not. */
  readonly found: number | undefined
  /** Which of the two it said it was. */
  readonly cause: string | undefined
  /** Steps up of other shards: everyone else that was limited without a reason. */
  readonly elsewhere: number
  /** The hot shard's most frequent key as the governor named it in the fault, and its share of the shard's requests. */
  readonly key: { readonly name: string; readonly share: number } | undefined
}

export interface LevelChange {
  readonly at: number
  readonly from: number
  readonly to: number
  readonly reason: string
}

export function isUp({ from, to }: LevelChange): boolean {
  return to > from
}

/** The level at a time. */
export function levelAt({ changes }: Levels, time: number): number {
  const before = changes.filter(({ at }) => at <= time)
  return before.length === 0 ? 0 : before[before.length - 1].to
}
