/** Reads the tree of steps: which read a write acts upon, and whether a change came from another context. */
import { BLUR, READ, SIZE, type Step, type Turn, WALK, WRITE } from './context.js'

/**
 * The most recent read of `key` by the flow whose last step is `last`. Undefined if none is remembered, or if the flow has written the
 * key since: then its next write acts upon a value of its own.
 */
export function lastRead(last: Step | undefined, of: object, key: unknown): Step | undefined {
  for (let step = last; step !== undefined; step = step.prev) {
    if (step.kind === BLUR) return undefined
    if (step.of !== of) continue
    const same = sameKey(step.key, key)
    if (step.kind === WRITE && (same || step.operation === 'clear')) return undefined
    if (step.kind === READ && same) return step
    if (step.kind === WALK && (step.whole || (same && step.operation !== 'values'))) return step
  }
  return undefined
}

/** The last iteration over the whole map by the flow whose last step is `last`, unless the flow cleared the map since. */
export function lastWalk(last: Step | undefined, of: object): Step | undefined {
  for (let step = last; step !== undefined; step = step.prev) {
    if (step.kind === BLUR) return undefined
    if (step.of !== of) continue
    if (step.kind === WRITE && step.operation === 'clear') return undefined
    if (step.kind === WALK && step.whole) return step
  }
  return undefined
}

/** The last read of the size by the flow whose last step is `last`, unless the flow inserted or removed an entry since. */
export function lastSize(last: Step | undefined, of: object): Step | undefined {
  for (let step = last; step !== undefined; step = step.prev) {
    if (step.kind === BLUR) return undefined
    if (step.of !== of) continue
    if (step.kind === WRITE && (step.inserted || step.operation !== 'set')) return undefined
    if (step.kind === SIZE) return step
  }
  return undefined
}

/**
 * Whether `change`, which happened after `read`, certainly belongs to another context than the flow that did `read` and whose last step,
 * in the turn `now`, is `last`. False means that the change belongs to this flow, or that the tree does not say.
 *
 * 1. The flow of the change does not descend from the read: the flow is older, or comes from elsewhere. Then the two are concurrent.
 *    (An exception is a bare callback of the socket, parser or port from which this flow started, such as the 'data' events of a
 *    request: it may belong to this flow.)
 * 2. The flow of the change began after the read. Then it may be a function that this flow awaits, which is one context with its caller;
 *    the tree does not say. It is no such function if it read the key in the turn of the fork, after this flow had begun to wait:
 *    other code called it then (the next function of `Promise.all`).
 */
export function isForeign(read: Step, change: Step, last: Step | undefined, now: Turn): boolean {
  let step: Step | undefined = change
  while (step !== undefined && step.seq > read.seq) {
    if (step.cut) return false
    step = step.prev
  }
  if (step !== read) return !mayBeOurCallback(change, last)

  let theirs: Step | undefined = change
  let ours: Step | undefined = last
  let firstOfOurs: Step | undefined
  /** The read that `change` acts upon. */
  let theirRead: Step | undefined
  while (theirs !== ours) {
    if (theirs === undefined || ours === undefined) return false
    if (theirs.seq > ours.seq) {
      if (theirs.kind === READ && theirs.of === change.of && sameKey(theirs.key, change.key)) theirRead = theirs
      theirs = theirs.prev
    } else {
      firstOfOurs = ours
      ours = ours.prev
    }
  }
  const fork = ours as Step
  return theirRead !== undefined && theirRead.turn === fork.turn && (firstOfOurs?.turn ?? now) !== fork.turn
}

/** Numbers of the runtime that identify no callback: none, and the main program. */
const ANYBODY = 1

/** Whether the turn of `change` has the number of a turn on our path, after the fork of the two paths. */
function mayBeOurCallback(change: Step, last: Step | undefined): boolean {
  const { asyncId, triggerId } = change.turn
  let theirs: Step | undefined = change
  let ours = last
  while (ours !== undefined && ours !== theirs) {
    if (theirs !== undefined && theirs.seq > ours.seq) {
      theirs = theirs.prev
      continue
    }
    const id = ours.turn.asyncId
    if (id > ANYBODY && (id === asyncId || id === triggerId)) return true
    ours = ours.prev
  }
  return false
}

/** Compares keys as Map does (Map stores -0 as 0). */
function sameKey(one: unknown, other: unknown): boolean {
  return one === other || (Number.isNaN(one) && Number.isNaN(other))
}
