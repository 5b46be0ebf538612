/** Levels that a person sets, and what an operation of an isolated shard must know of its keys. */
import { OptionError } from 'threadmap'
import { sharedNow } from '../clock.js'
import { sharesOf } from '../keys/common.js'
import { levelOf, unpack } from '../shared/control.js'
import { latenciesOf } from '../shared/counts.js'
import { quantileOf, totalOf } from '../shared/latency.js'
import { C_ERRORS } from '../shared/layout.js'
import type { Room } from '../shared/room.js'
import type { Level } from '../snapshot.js'
import { REASONS } from './decide.js'

/** Sets a shard's level, or gives it back to the policy. Both are transitions. */
export function pin(room: Room, shard: number, level: Level | undefined): void {
  const { settings, controls, counts, layout, transitions } = room
  if (!(Number.isInteger(shard) && shard >= 0 && shard < settings.shards)) {
    throw new OptionError(`pin() takes a shard from 0 to ${settings.shards - 1}, and got ${String(shard)}`)
  }
  if (level !== undefined && ![0, 1, 2, 3].includes(level)) {
    throw new OptionError(`pin() takes a level from 0 to 3, or undefined, and got ${String(level)}`)
  }
  const at = sharedNow()
  const window = counts.window(shard, settings.windows.short, at)
  const latencies = latenciesOf(window)
  const operations = totalOf(latencies)
  const rate = (operations * 1000) / window.length
  if (level === 1) room.setLimit(shard, Math.max(settings.limits.least, rate * settings.limits.share))
  let word: number
  do word = controls.word(shard)
  while (!controls.replace(shard, word, pinned(word, level)))
  transitions.add({
    at,
    shard,
    from: levelOf(word),
    to: levelOf(controls.word(shard)),
    reason: level === undefined ? REASONS.unpinned : REASONS.pinned,
    p99: quantileOf(latencies, 0.99, layout.subBits),
    others: 0,
    rate,
    errorShare: operations === 0 ? 0 : window.row[C_ERRORS] / operations,
  })
}

function pinned(word: number, level: Level | undefined) {
  const control = unpack(word)
  // The policy goes on from the level that holds: a shard does not jump when it is given back.
  return { ...control, level: level ?? levelOf(word), pin: level, suspect: control.suspect || (level ?? 0) > 0 }
}

/** A key with this share of its shard is answered from a copy while the shard is isolated. */
const HOT_SHARE = 0.05

/** The hashes of the hot keys of all shards that are isolated. */
export function hotHashes(room: Room): ReadonlySet<number> {
  const { controls, settings, published, threads } = room
  const isolated = Array.from({ length: settings.shards }, (_, shard) => levelOf(controls.word(shard)) === 2)
  if (!isolated.includes(true)) return new Set()
  const minutes = isolated.map((_, shard) => room.memories.wanted(shard))
  const keys = sharesOf(published.read(threads.taken()), minutes)
  return new Set(keys.filter(key => isolated[key.shard] && key.shareOfShard >= HOT_SHARE).map(({ hash }) => hash))
}
