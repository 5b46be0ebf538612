/**
 * A trap in the kernel means that the memory contradicts itself: an address that leads outside, a list without end, a read that
 * no writer disturbs and that fails all the same. It becomes a `DamagedMemoryError`. From then on this thread does nothing more in
 * that memory, and counts as dead there: others take over the locks that it held.
 */
import { DamagedMemoryError } from '../errors.js'
import type { KernelExports } from './instance.js'

/** What the library calls of itself, not for a user: it has nobody to tell. The next operation says what happened. */
const QUIET = new Set(['close', 'recoverThread', 'finishRecoveries', 'endClaim', 'markWebLock', 'freeLock'])

type Call = (...args: number[]) => number

export function guarded(instance: KernelExports & { abandon(): void }): KernelExports {
  let raw = instance
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
      // Others find this thread's locks held till their time-out, then.
    }
    const refuse = (name: string): Call =>
      QUIET.has(name)
        ? () => 0
        : () => {
            throw damage
          }
    raw = Object.fromEntries(Object.keys(instance).map(name => [name, refuse(name)])) as never
    return damage
  }

  const wrap = (name: string): Call => {
    const key = name as 'getNumber'
    const isQuiet = QUIET.has(name)
    return (...args) => {
      try {
        return (raw[key] as Call)(...args)
      } catch (error) {
        const thrown = trapped(error, name)
        if (isQuiet && thrown === damage) return 0
        throw thrown
      }
    }
  }
  const cold = Object.fromEntries(Object.keys(instance).map(name => [name, wrap(name)]))

  // The calls that a map's operations take, each by itself: V8 puts them into their callers, so they cost nothing.
  return {
    ...(cold as unknown as KernelExports),
    get: meta => {
      try {
        return raw.get(meta)
      } catch (error) {
        throw trapped(error, 'get')
      }
    },
    getNumber: meta => {
      try {
        return raw.getNumber(meta)
      } catch (error) {
        throw trapped(error, 'getNumber')
      }
    },
    getNumberAt: key => {
      try {
        return raw.getNumberAt(key)
      } catch (error) {
        throw trapped(error, 'getNumberAt')
      }
    },
    has: meta => {
      try {
        return raw.has(meta)
      } catch (error) {
        throw trapped(error, 'has')
      }
    },
    change: (op, meta, valueMeta, expectedMeta) => {
      try {
        return raw.change(op, meta, valueMeta, expectedMeta)
      } catch (error) {
        throw trapped(error, 'change')
      }
    },
    changeSame: (op, meta, valueMeta, entry, generation, low, high) => {
      try {
        return raw.changeSame(op, meta, valueMeta, entry, generation, low, high)
      } catch (error) {
        throw trapped(error, 'changeSame')
      }
    },
    readKnown: (entry, generation, shard, version) => {
      try {
        return raw.readKnown(entry, generation, shard, version)
      } catch (error) {
        throw trapped(error, 'readKnown')
      }
    },
    readNumber: (entry, generation, shard, version) => {
      try {
        return raw.readNumber(entry, generation, shard, version)
      } catch (error) {
        throw trapped(error, 'readNumber')
      }
    },
    readCached: (entry, generation, shard, version) => {
      try {
        return raw.readCached(entry, generation, shard, version)
      } catch (error) {
        throw trapped(error, 'readCached')
      }
    },
    isCurrent: (entry, generation, shard, version, low, high) => {
      try {
        return raw.isCurrent(entry, generation, shard, version, low, high)
      } catch (error) {
        throw trapped(error, 'isCurrent')
      }
    },
    lockMutex: (block, generation, timeout) => {
      try {
        return raw.lockMutex(block, generation, timeout)
      } catch (error) {
        throw trapped(error, 'lockMutex')
      }
    },
    unlockMutex: (block, generation) => {
      try {
        return raw.unlockMutex(block, generation)
      } catch (error) {
        throw trapped(error, 'unlockMutex')
      }
    },
  }
}
