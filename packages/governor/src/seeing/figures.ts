/** Figures and sentences about a governor, for the page and the terminal alike. */
import { isFigure } from '../measures.js'
import type { GovernorSnapshot, ShardSnapshot, Transition } from '../snapshot.js'

export { count, duration, percent, perSecond } from '../measures.js'

/** What each level is called, by its number. */
export const LEVELS = ['normal', 'limited', 'isolated', 'degraded'] as const

/** A long time in its two largest units: `3 d 4 h`, `12 min 5 s`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const units = [
    ['d', Math.floor(seconds / 86_400)],
    ['h', Math.floor(seconds / 3600) % 24],
    ['min', Math.floor(seconds / 60) % 60],
    ['s', seconds % 60],
  ] as const
  const first = units.findIndex(([, count]) => count > 0)
  if (first < 0) return '0 s'
  return units
    .slice(first, first + 2)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count} ${unit}`)
    .join(' ')
}

/** The time of day on this machine. */
export function timeOfDay(at: number): string {
  const time = new Date(at)
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(part => String(part).padStart(2, '0')).join(':')
}

/** Latency x rate of each shard, in the order of `shards`: how much work the shard is to the backend. */
export function loads(shards: readonly ShardSnapshot[]): number[] {
  return shards.map(({ p99Short, p99, rate }) => (positive(p99Short) || positive(p99)) * positive(rate))
}

/** From this many times the median on a shard has the hottest colour. */
const HOTTEST = 16
/** Where on the scale of colours the median shard is, so that shards of even heat look cool. */
const MEDIAN_AT = 0.06

/**
 * The heat of each shard, 0 to 1: its load (latency x rate) beside that of the median shard, which has 0.06, and 1 from 16 times
 * the median on. Beside the median, since one hot shard must not make all others look cold, or an even load look hot.
 */
export function heats(shards: readonly ShardSnapshot[]): number[] {
  const all = loads(shards)
  const active = all.filter(load => load > 0).sort((a, b) => a - b)
  const median = active[Math.floor((active.length - 1) / 2)] ?? 0
  return all.map(load => {
    if (load === 0 || median === 0) return 0
    const times = load / median
    if (times <= 1) return MEDIAN_AT * times
    return Math.min(1, MEDIAN_AT + ((1 - MEDIAN_AT) * Math.log2(times)) / Math.log2(HOTTEST))
  })
}

/** Places of the shards that need a look, the worst first: by level, then hot ones, then by load. */
export function worstFirst(shards: readonly ShardSnapshot[]): number[] {
  const load = loads(shards)
  return shards
    .map((_, place) => place)
    .sort(
      (a, b) =>
        shards[b].level - shards[a].level ||
        Number(shards[b].hot) - Number(shards[a].hot) ||
        load[b] - load[a] ||
        shards[a].shard - shards[b].shard,
    )
}

/** The state of the governor in one or two sentences: what somebody who was woken up reads first. */
export function verdict(snapshot: GovernorSnapshot): string {
  const { shards, enabled, backendSlow, at } = snapshot
  const sentences: string[] = []
  if (backendSlow) sentences.push('The backend is slow: all shards are, so none of them is hot.')
  const acted = worstFirst(shards).filter(place => shards[place].level > 0 || shards[place].hot)
  if (acted.length === 1) sentences.push(shardSentence(shards[acted[0]], at))
  else if (acted.length > 1) {
    sentences.push(
      `${acted.length} of ${shards.length} shards need attention: ${states(acted.map(place => shards[place]))}.`,
    )
  } else if (!backendSlow)
    sentences.push(shards.length === 1 ? 'The one shard is normal.' : `All ${shards.length} shards are normal.`)
  if (!enabled) sentences.push('The governor is switched off: it watches and does not act.')
  return sentences.join(' ')
}

/** A sentence about one shard: `Shard 17 is isolated: hot key, hot for 3 min 2 s.` */
export function shardSentence(shard: ShardSnapshot, at: number): string {
  const pin = shard.pinned ? ', pinned by hand' : ''
  const cause = shard.cause === undefined ? '' : ` (${shard.cause})`
  const since = shard.hotSince === undefined ? '' : `, hot for ${age(at - shard.hotSince)}`
  return `Shard ${shard.shard} is ${stateOf(shard)}${cause}${pin}${since}.`
}

/** What the governor does with a shard, in one word. */
export function stateOf({ level, hot }: ShardSnapshot): string {
  return level === 0 && hot ? 'hot' : LEVELS[level]
}

/** The most shards that a sentence names; of more it gives their number at each level. */
const MOST_NAMED = 4

function states(acted: readonly ShardSnapshot[]): string {
  if (acted.length <= MOST_NAMED) return acted.map(shard => `shard ${shard.shard} is ${stateOf(shard)}`).join(', ')
  const names = [LEVELS[3], LEVELS[2], LEVELS[1], 'hot']
  return names
    .map(name => ({ name, shards: acted.filter(shard => stateOf(shard) === name).length }))
    .filter(({ shards }) => shards > 0)
    .map(({ name, shards }) => (name === 'hot' ? `${shards} hot and not limited yet` : `${shards} ${name}`))
    .join(', ')
}

/** What a transition did: `Shard 17: normal → limited`. */
export function transitionText({ shard, from, to }: Transition): string {
  return `Shard ${shard}: ${LEVELS[from]} → ${LEVELS[to]}`
}

/** How many times the P99 of all shards this shard's is: `12x`; empty where one of them is unknown. */
export function timesOfAll(shard: ShardSnapshot, all: { readonly p99: number }): string {
  if (!(positive(shard.p99) > 0 && positive(all.p99) > 0)) return '–'
  const times = shard.p99 / all.p99
  return `${times >= 9.95 ? times.toFixed(0) : times.toFixed(1)}×`
}

/** The value, or 0 for what is no figure. */
function positive(value: number | null | undefined): number {
  return isFigure(value) && value > 0 ? value : 0
}
