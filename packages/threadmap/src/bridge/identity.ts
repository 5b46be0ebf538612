/** Tells memories apart. One memory can reach a thread several times, by several handles. */
import * as L from './layout.generated.js'
import type { MapMemory } from './memory.js'

/** Random words of the header. A memory with the same words is this memory, or a copy of its bytes. */
const WORDS = [L.H_IDENTITY, L.H_SEED, L.H_SEED + 4]
/** How often `isSame` tries before it takes two memories for different ones. */
const MOST_TRIES = 100

/** A name of the memory, which a copy of its bytes has as well. */
export function identityOf(memory: MapMemory): string {
  const words = new Uint32Array(memory.buffer)
  return WORDS.map(address => words[address >>> 2]).join(':')
}

/** Whether both are one memory, and not one a copy of the other: a word that is written to one must appear in the other. */
export function isSame(one: MapMemory, other: MapMemory): boolean {
  if (one === other) return true
  const here = new Int32Array(one.buffer)
  const there = new Int32Array(other.buffer)
  // Another thread may write the same word. If one always does, this thread takes two places.
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const probe = 1 + Math.floor(Math.random() * 0x7ffffffe)
    if (Atomics.load(there, L.H_PROBE >>> 2) === probe) continue
    Atomics.store(here, L.H_PROBE >>> 2, probe)
    if (Atomics.load(there, L.H_PROBE >>> 2) === probe) return true
  }
  return false
}
