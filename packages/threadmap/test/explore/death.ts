/**
 * Death at every step: a thread dies before each shared access of an operation in turn. Then another thread recovers it and goes on,
 * on the shipped kernel. The memory must be whole, nothing may hang, every acknowledged write must be there, and the
 * interrupted operation must be done or not done.
 */
import type { ExploredKind } from '../support/kinds.js'
import { type Entry, linearizable, newEntry } from './history.js'
import { perform } from './operations.js'
import { doDirectly } from './scenario.js'
import type { Output, Step } from './steps.js'
import { Death, type LogicalThread, READS, type Scheduler } from './thread.js'
import { type FormName, forms, World } from './world.js'

export interface DeathScenario {
  map: ExploredKind
  form: FormName
  capacity?: number
  max?: number
  ttl?: number
  now?: number
  fill: readonly (readonly [string, number])[]
  before?: readonly Step[]
  step: Step
}

export interface Deaths {
  deaths: number
  /** Deaths of the thread that was recovering the first dead thread. */
  recoverers: number
  problem: string | undefined
}

/** A thread that dies after a given number of accesses. */
class Executioner implements Scheduler {
  limit = Number.POSITIVE_INFINITY
  accesses = 0
  /** The kind of each access of the last run that went to its end: those in which a thread dies, or recovers another, leave it. */
  kinds: number[] = []
  readonly #world: () => World

  constructor(world: () => World) {
    this.#world = world
  }

  access(_thread: LogicalThread, _address: number, kind: number): boolean {
    if (this.limit === Number.POSITIVE_INFINITY) this.kinds[this.accesses] = kind
    if (this.accesses++ >= this.limit) throw new Death()
    return true
  }

  /** Whether nothing was written between this access and the one before it: a death at either leaves the same memory. */
  isLikeLast(at: number): boolean {
    return at > 0 && at < this.kinds.length && this.kinds[at - 1] === READS
  }

  resumed(): void {}

  wait(): number {
    throw new Error('a thread waits, and there is nobody who could wake it')
  }

  notify(): number {
    return 0
  }

  grow(pages: number): number {
    return this.#world().grow(pages)
  }

  now(): number {
    return 0
  }

  cacheTime(): number {
    return this.#world().time
  }

  /** Runs a step until it ends or the thread dies. Returns its output, or undefined if the thread died. */
  run(world: World, thread: LogicalThread, step: Step, limit: number): { output: Output } | undefined {
    this.limit = limit
    this.accesses = 0
    if (limit === Number.POSITIVE_INFINITY) this.kinds = []
    try {
      const operation = perform(world, thread, step)
      let next = operation.next()
      while (!next.done) next = operation.next(thread.run(next.value)!)
      return { output: next.value as Output }
    } catch (error) {
      if (error instanceof Death) return undefined
      throw error
    } finally {
      this.limit = Number.POSITIVE_INFINITY
    }
  }
}

/**
 * Dies at each step of the scenario's operation. At every `every`th of these deaths (0: at none) a second thread begins to recover
 * the first one and dies too, at every `stride`th of its own steps.
 */
export function dieEverywhere(scenario: DeathScenario, every = 0, stride = every): Deaths {
  const executioner = new Executioner(() => world)
  const world: World = new World(
    scenario.map,
    scenario.form,
    scenario.capacity ?? 1,
    (map, make) => {
      for (const [key, value] of scenario.fill) map.set(key, make(value))
      for (const step of scenario.before ?? []) doDirectly(map, make, step)
    },
    scenario,
  ).grown()
  const victim = world.addThread(executioner)
  const second = world.addThread(executioner)
  world.freeze(true)
  const isLong = scenario.form === 'chains'
  if (isLong) executioner.run(world, victim, scenario.step, Number.POSITIVE_INFINITY)
  world.restore()
  const initial = new Map<string, number>()
  for (const key of keysOf(scenario)) {
    const value = world.map.get(key)
    if (value !== undefined) initial.set(key, world.form.read(value))
  }
  // Reading was a hit, and at the time 0 it has renewed nothing.
  world.restore()
  world.time = scenario.now ?? 0
  for (const key of initial.keys()) if (!world.map.has(key)) initial.delete(key)
  const made: Deaths = { deaths: 0, recoverers: 0, problem: undefined }
  const judge = (where: string, owners: readonly number[], ended: { output: Output } | undefined): boolean => {
    const problem = aftermath(world, scenario, initial, owners, ended)
    if (problem !== undefined) made.problem = `${where}: ${problem}`
    return problem === undefined
  }
  for (let at = 0; ; at++) {
    if (isLong && executioner.isLikeLast(at)) continue
    world.restore()
    const ended = executioner.run(world, victim, scenario.step, at)
    const where = `${describe(scenario)}, died before access ${at}`
    if (!judge(where, ended === undefined ? [victim.owner] : [], ended)) break
    if (ended !== undefined) {
      // A thread that has ended its operation may die as well.
      world.restore()
      executioner.run(world, victim, scenario.step, at)
      judge(`${where}, after its operation`, [victim.owner], ended)
      break
    }
    made.deaths++
    if (every === 0 || at % every !== 0) continue
    for (let later = 0; made.problem === undefined; later += stride) {
      world.restore()
      executioner.run(world, victim, scenario.step, at)
      const recovered = executioner.run(world, second, { op: 'recover', owner: victim.owner }, later)
      if (!judge(`${where}; its recoverer died before access ${later}`, [second.owner, victim.owner], undefined)) break
      if (recovered !== undefined) break
      made.recoverers++
    }
  }
  if (made.problem === undefined) world.checkRestored()
  world.dispose()
  return made
}

/** What is wrong after the survivor has recovered the dead thread and gone on, or undefined. */
function aftermath(
  world: World,
  scenario: DeathScenario,
  initial: ReadonlyMap<string, number>,
  owners: readonly number[],
  ended: { output: Output } | undefined,
): string | undefined {
  const { map, form } = world
  try {
    for (const owner of owners) map.session.recover(owner)
    const before = world.audit(false)
    if (before.length > 0) return `after the recovery the audit found: ${before.join('; ')}`
    const entry = newEntry(0, scenario.step, 0)
    if (ended !== undefined) {
      entry.output = ended.output
      entry.return = 1
    }
    const history: Entry[] = [entry]
    let clock = 2
    for (const key of keysOf(scenario)) {
      const value = map.get(key)
      const read = newEntry(1, { op: 'get', key }, clock++)
      read.output = value === undefined ? undefined : form.read(value)
      read.return = clock++
      history.push(read)
    }
    if (!linearizable(history, initial, scenario.max !== undefined)) {
      return `the map holds ${JSON.stringify(history.slice(1).map(({ key, output }) => [key, output]))}`
    }
    return scenario.max === undefined ? goOn(world) : goOnEvicting(world)
  } catch (error) {
    return (error as Error).stack ?? String(error)
  }
}

const MORE = 12
/** States of a map of chains, each of which takes two pages. */
const MORE_CHAINS = 4

/** The survivor uses the map as if nothing had happened. */
function goOn(world: World): string | undefined {
  const { map, form } = world
  const before = [...map.keys()].length
  const more = form === forms.chains ? MORE_CHAINS : MORE
  if (map.size !== before) return `size is ${map.size}, and iteration gave ${before} keys`
  for (let i = 0; i < more; i++) map.set(`later ${i}`, form.make(i + 1))
  for (let i = 0; i < more; i++) {
    if (form.read(map.get(`later ${i}`)) !== i + 1) return `'later ${i}' is ${String(map.get(`later ${i}`))}`
  }
  if ([...map.keys()].length !== before + more) return 'iteration does not give what was set later'
  for (let i = 0; i < more; i += 2) if (!map.delete(`later ${i}`)) return `'later ${i}' could not be deleted`
  if (map.getOrInsertComputed('n', () => form.make(77)) === undefined) return 'nothing was computed'
  if (map.swap('later 1', form.make(55)) === undefined) return "'later 1' could not be swapped"
  const after = world.audit()
  return after.length > 0 ? `later the audit found: ${after.join('; ')}` : undefined
}

/** The survivor uses a cache that is full. */
function goOnEvicting(world: World): string | undefined {
  const { map, form } = world
  for (let i = 0; i < MORE; i++) {
    map.set(`later ${i}`, form.make(i + 1))
    if (form.read(map.get(`later ${i}`)) !== i + 1) return `'later ${i}' is ${String(map.get(`later ${i}`))}`
  }
  const after = world.audit()
  return after.length > 0 ? `later the audit found: ${after.join('; ')}` : undefined
}

function keysOf({ fill, before, step }: DeathScenario): Set<string> {
  const keys = [...fill.map(([key]) => key), ...[...(before ?? []), step].map(({ key }) => key)]
  return new Set(keys.filter(key => key !== undefined))
}

export function describe({ map, form, fill, before, step }: DeathScenario): string {
  const told = [step.key, step.expected, step.value].filter(part => part !== undefined).join(', ')
  return `${map} of ${form} with ${fill.length} entries${before === undefined ? '' : ' and a past'}, ${step.op}(${told})`
}
