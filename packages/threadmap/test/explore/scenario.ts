/** What is explored: a map in some state, and what each of a few threads does to it. */
import type { ExploredKind } from '../support/kinds.js'
import type { Step } from './steps.js'
import type { FormName, World } from './world.js'

export interface Scenario {
  name: string
  map: ExploredKind
  form: FormName
  capacity?: number
  /** SharedCache: the most entries. By default more than any scenario has, so that none is evicted. */
  max?: number
  /** SharedCache: how long values are fresh in milliseconds, and that hits renew this; and what time it is when the threads begin, after the values were set at 0. */
  ttl?: number
  now?: number
  /** Keys and values that the map has at first. */
  fill: readonly (readonly [string, number])[]
  /** Steps of one thread after that, for example to free blocks or to promote. */
  before?: readonly Step[]
  /** What each thread does. */
  threads: readonly (readonly Step[])[]
  /** A thread that died before its `at`th access in this step. A step `recover` of another thread recovers it. */
  victim?: { step: Step; at: number }
  /** This thread dies before its `at`th access, or falling asleep. Steps `recover` of the others begin when it has died. */
  mortal?: { thread: number; at: number }
  /** Microseconds after which a waiter is handed its lock (by default longer than any schedule). */
  handover?: number
  /** The locks' time-out in milliseconds. 0: operations that find a lock taken may give up. */
  timeout?: number
  /** No page is free. */
  full?: boolean
  /** Limits of preemptions and schedules, for scenarios whose schedules are long. */
  bound?: number
  most?: number
}

/** Where a scenario stands in the report. */
export interface Named extends Scenario {
  situation: string
}

/** The keys that its steps name, with a value each. */
export function keysOf(scenario: Scenario): [string, number][] {
  const { threads, before, victim } = scenario
  const steps = [...threads.flat(), ...(before ?? []), ...(victim === undefined ? [] : [victim.step])]
  return steps.filter(({ key }) => key !== undefined).map(({ key }) => [key!, 0])
}

function setDirectly(map: World['map'], value: unknown, { key, ttl }: Step): void {
  const { set } = map as { set(key: string, value: unknown, options?: { ttl: number }): unknown }
  set.call(map, key!, value, ttl === undefined ? undefined : { ttl })
}

/** Does a step on this thread's map. */
export function doDirectly(map: World['map'], make: (n: number) => unknown, step: Step): void {
  if (step.op === 'set') setDirectly(map, make(step.value!), step)
  else if (step.op === 'delete') map.delete(step.key!)
  else if (step.op === 'get') map.get(step.key!)
  else if (step.op === 'iterate') for (const _ of map.keys());
  else throw new Error(`a scenario can't begin with ${step.op}`)
}
