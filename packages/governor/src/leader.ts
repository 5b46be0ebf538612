/**
 * The thread that leads. At each look it keeps the counts, finds the hot shards, and sets the levels. A thread may die at any point here: the
 * level of a shard changes in one word, and whatever else a look writes, the next look of another thread writes again.
 */
import { sharesOf } from './keys/common.js'
import { CALM, decide, isUneventful, type Observation, type Policy, REASONS } from './policy/decide.js'
import { detecting, SHARDS_PER_STEP, type ShardLook, type Verdict } from './policy/detect.js'
import { levelOf, unpack } from './shared/control.js'
import { type Amounts, type Window, type WindowPlace, wantedIn } from './shared/counts.js'
import { C_ERRORS, C_EXCUSED, C_PROBE_ERRORS, C_PROBES, H_BACKEND_SLOW, TRANSITIONS } from './shared/layout.js'
import type { Room } from './shared/room.js'
import type { Level } from './snapshot.js'

/** A look at many shards lets others run after so many milliseconds. */
const PART_MS = 1

export class Leader {
  readonly #room: Room
  /** The look that is under way. */
  #steps: Generator<void, void> | undefined
  #windows: WindowPlace[] | undefined

  constructor(room: Room) {
    this.#room = room
  }

  /**
   * Called several times per look by every thread. A look is done at once; or, with `soon`, in parts of about a millisecond: `soon` calls a function
   * a little later. A thread that loses the lease in between does no harm: see `Lease`.
   */
  turn(now: number, soon?: (part: () => void) => void): void {
    const { lease, settings, started } = this.#room
    const led = lease.held
    if (!lease.hold(now)) return
    if (!led) this.#repairNotes(now)
    const number = Math.floor((now - started) / settings.windows.look)
    if (number < 1 || this.#steps !== undefined || !lease.begin(number)) return
    this.#steps = this.#looking(number, now)
    this.#go(soon)
  }

  /** Gives up a look in parts. */
  stop(): void {
    this.#steps = undefined
  }

  #go(soon?: (part: () => void) => void): void {
    const end = performance.now() + PART_MS
    while (this.#steps !== undefined) {
      if (this.#steps.next().done) this.#steps = undefined
      else if (soon !== undefined && performance.now() >= end) {
        soon(() => this.#go(soon))
        return
      }
    }
  }

  *#looking(number: number, now: number): Generator<void, void> {
    const { counts, settings, controls, memories, memory, layout, threads, started } = this.#room
    const all = settings.shards
    this.#windows ??= counts.windows(all)
    const windows: readonly Window[] = this.#windows
    const minutes: Amounts[] = []
    for (let shard = 0; shard < all; shard++) {
      if (shard % SHARDS_PER_STEP === 0) {
        yield
        counts.copy(number, shard, Math.min(all, shard + SHARDS_PER_STEP))
      }
      counts.read(shard, settings.windows.short, now, this.#windows[shard])
      minutes.push(counts.amounts(shard, settings.windows.minute, now))
      memories.keepWanted(shard, minutes[shard].wanted)
    }
    counts.publish(number, now)
    const topShares = this.#topShares(minutes.map(({ wanted }) => wanted))
    const taken = threads.taken()
    const looks: ShardLook[] = []
    for (const [shard, window] of windows.entries()) {
      if (shard % SHARDS_PER_STEP === 0) yield
      const inFlight = threads.inFlightOf(shard, taken)
      const { ended, wanted } = minutes[shard]
      looks.push({
        minute: ended + inFlight,
        inFlight,
        wanted: (wanted * 1000) / Math.min(settings.windows.minute, now - started),
        governed: levelOf(controls.word(shard)) > 0,
        latencies: window.latencies,
        errors: window.row[C_ERRORS],
        topShare: topShares.get(shard) ?? 0,
      })
    }
    const heats = looks.map((_, shard) => memories.heat(shard, controls.word(shard)))
    const { shards, allSlow } = yield* detecting({ at: now, shards: looks, subBits: layout.subBits }, heats, settings)
    const slow = allSlow ? Atomics.load(memory.words, H_BACKEND_SLOW) + 1 : 0
    Atomics.store(memory.words, H_BACKEND_SLOW, slow)
    for (const [shard, verdict] of shards.entries()) {
      if (shard % SHARDS_PER_STEP === 0) yield
      this.#govern(shard, {
        verdict,
        window: windows[shard],
        inFlight: looks[shard].inFlight,
        minute: minutes[shard].wanted,
        now,
      })
    }
  }

  /** The largest share that one key has in the operations of its shard, by shard. */
  #topShares(operations: readonly number[]): Map<number, number> {
    const { published, threads } = this.#room
    const shares = new Map<number, number>()
    for (const { shard, shareOfShard } of sharesOf(published.read(threads.taken()), operations)) {
      if (!shares.has(shard)) shares.set(shard, shareOfShard)
    }
    return shares
  }

  #govern(shard: number, seen: Seen): void {
    const { verdict, window, now } = seen
    const { controls, memories, settings, enabled } = this.#room
    // The word changes under the leader only if somebody pins the shard, or another thread has taken the lead. Then the next look decides.
    const word = controls.word(shard)
    if (word === 0 && enabled && !verdict.suspect && this.#isUneventful(shard, seen)) {
      memories.keepHeat(shard, verdict)
      return
    }
    const control = unpack(word)
    const before = memories.policy(shard, word)
    const isFree = enabled && control.pin === undefined
    const { state, actions } = isFree
      ? decide(before, observationOf(seen, this.#probed(shard, before.level, now)), settings)
      : { state: heldAt(before, control.pin ?? 0, now), actions: [] }
    for (const action of actions) if (action.type === 'limit') this.#room.setLimit(shard, action.limit)
    const { hot, cause, suspect } = verdict
    const next = { level: state.level, pin: control.pin, hot, cause, suspect: suspect || state.level > 0 }
    if (!controls.replace(shard, word, next)) return
    memories.keep(shard, state, verdict)
    const note = { shard, from: control.level, to: state.level, at: now, ...figuresOf(verdict, window) }
    const step = actions.find(action => action.type === 'level')
    if (step?.type === 'level') this.#room.transitions.add({ ...note, reason: step.reason })
    else if (!enabled && control.level > 0 && control.pin === undefined) {
      this.#room.transitions.add({ ...note, reason: REASONS.switchedOff })
    }
  }

  #isUneventful(shard: number, { verdict, window, inFlight }: Seen): boolean {
    const { operations, p99, errorShare } = verdict
    const figures = { operations, p99, errorShare, inFlight, rate: rateOf(operations, window) }
    return this.#room.memories.isCalm(shard) && isUneventful(figures, this.#room.settings)
  }

  /** The probes since the last look. */
  #probed(shard: number, level: Level, now: number): Probes {
    if (level < 3) return NO_PROBES
    const { row } = this.#room.counts.window(shard, this.#room.settings.windows.look, now)
    return { probes: row[C_PROBES], probeErrors: row[C_PROBE_ERRORS] }
  }

  /** Notes the transitions of a leader that died between the change of a level and its note. */
  #repairNotes(now: number): void {
    const { transitions, settings, controls } = this.#room
    const last = new Map(transitions.since(0).map(({ shard, to }) => [shard, to]))
    const isWhole = transitions.count <= TRANSITIONS
    for (let shard = 0; shard < settings.shards; shard++) {
      const from = last.get(shard) ?? (isWhole ? 0 : undefined)
      const to = levelOf(controls.word(shard))
      if (from === undefined || from === to) continue
      const figures = { p99: 0, others: 0, rate: 0, errorShare: 0 }
      transitions.add({ at: now, shard, from, to, reason: REASONS.unknown, ...figures })
    }
  }
}

/** A shard whose level the policy does not decide. */
function heldAt(before: Policy, level: Level, now: number): Policy {
  return { ...CALM, level, since: before.level === level ? before.since : now, limit: before.limit }
}

function figuresOf({ p99, others, operations, errorShare }: Verdict, window: Window) {
  return { p99, others, rate: rateOf(operations, window), errorShare }
}

type Probes = Pick<Observation, 'probes' | 'probeErrors'>

const NO_PROBES: Probes = { probes: 0, probeErrors: 0 }

/** What a look saw of a shard. */
interface Seen {
  readonly verdict: Verdict
  readonly window: Window
  readonly inFlight: number
  /** How many operations callers wanted in the last minute. */
  readonly minute: number
  readonly now: number
}

function observationOf({ verdict, window, inFlight, minute, now }: Seen, probes: Probes): Observation {
  const { operations, p99, errorShare, hot, cause } = verdict
  const { row } = window
  return {
    at: now,
    hot,
    hotKey: cause === 'hot key',
    operations,
    p99,
    errorShare,
    rate: rateOf(operations, window),
    succeeded: rateOf(Math.max(0, operations - row[C_ERRORS] - row[C_EXCUSED]), window),
    inFlight,
    offered: rateOf(wantedIn(window, operations), window),
    minute,
    ...probes,
  }
}

function rateOf(count: number, window: Window): number {
  return (count * 1000) / window.length
}
