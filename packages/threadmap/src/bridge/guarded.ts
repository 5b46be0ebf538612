/**
 * A trap in the kernel means that the memory contradicts itself: an address that leads outside, a list without end, a read that
 * no writer disturbs and that fails nevertheless. The trap becomes a `DamagedMemoryError`. From then on this thread does nothing more in
 * that memory, and counts as dead there: other threads take over the locks that it held.
 */
import { DamagedMemoryError } from '../errors/classes.js'
import type { KernelExports } from './exports.js'

/** The library makes these calls outside of any operation, so there is no caller to throw to. The next operation throws. */
const QUIET = new Set([
  'close',
  'recoverThread',
  'finishRecoveries',
  'declareDead',
  'endClaim',
  'markWebLock',
  'freeLock',
])

/**
 * These calls are not wrapped: their callers in src/maps catch. A function around them costs 4 to 5 ns, a seventh of a read of a
 * number (Node 20, bench/parts), while a `try` costs nothing.
 */
const HOT = new Set([
  'get',
  'getText',
  'getAt',
  'getTextAt',
  'getNumber',
  'getNumberOfText',
  'getNumberAt',
  'has',
  'hasText',
  'change',
  'changeText',
  'changeCache',
  'changeCacheText',
  'readNumber',
  'readCached',
  'isCurrent',
  'isCurrentAt',
])

type Call = (...args: number[]) => number

export function guarded(instance: Omit<KernelExports, 'trapped'> & { abandon(): void }): KernelExports {
  const names = Object.keys(instance)
  let damage: DamagedMemoryError | undefined

  const trapped = (error: unknown, where: string): unknown => {
    if (!(error instanceof WebAssembly.RuntimeError)) return error
    damage = new DamagedMemoryError(
      `the shared memory is damaged: ${where}() met what a whole one cannot have (${error.message}). Something outside this library wrote to it, or its bytes were changed. ` +
        'This thread uses it no more; what else can be read is not to be trusted. audit() in another thread says what is broken; create the map anew from its source',
    )
    try {
      instance.abandon()
    } catch {
      // Then other threads find this thread's locks held until their time-outs.
    }
    const refuse: Call = () => {
      throw damage
    }
    for (const name of names) calls[name] = QUIET.has(name) ? () => 0 : refuse
    return damage
  }

  const wrap = (name: string): Call => {
    const call = (instance as unknown as Record<string, Call>)[name]
    if (HOT.has(name)) return call
    return (...args) => {
      try {
        return call(...args)
      } catch (error) {
        const thrown = trapped(error, name)
        if (thrown === damage && QUIET.has(name)) return 0
        throw thrown
      }
    }
  }

  const calls = Object.fromEntries(names.map(name => [name, wrap(name)]))
  return Object.assign(calls, { trapped }) as unknown as KernelExports
}
