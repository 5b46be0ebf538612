/**
 * Every access to words that threads share goes through here. Content that can be raced is read with atomic loads: a
 * plain load may be moved past the validating load on arm64. In the explore flavour each access first calls the
 * imported yield point, where a test may suspend this thread or kill it by throwing.
 */
import { READS, UPDATES, WASM_PAGE, WRITES } from './layout'

// Provided by tests; not imported by the shipped kernel.
export declare function yieldPoint(address: u32, access: u32): void

// In the explore flavour the build puts these where the kernel waits, wakes, and grows (tools/compile-kernel.mjs):
// blocking is the scheduler's affair there, and what grew must shrink again before the next schedule.
export declare function waitPoint(address: u32, expected: u32, timeout: i64): i32

export declare function notifyPoint(address: u32, count: i32): i32

export declare function growPoint(pages: i32): i32

export function step(address: u32, access: u32): void {
  // @ts-expect-error: EXPLORE is a constant of the build (asc --use EXPLORE=0 or 1).
  if (EXPLORE) yieldPoint(address, access)
}

/**
 * To be called between finding a reference that another thread may just have stored and the first look at what it leads to.
 * Another thread may have made the memory grow for that; this one's instance learns of it at its next function call or
 * loop, and till then V8's baseline code refuses atomic accesses beyond the size that it knows. Growing by nothing makes it know.
 */
// @inline
export function reach(address: u32): void {
  if (address / WASM_PAGE >= <u32>memory.size()) memory.grow(0)
}

export function load32(address: u32): u32 {
  step(address, READS)
  return atomic.load<u32>(address)
}

export function load64(address: u32): u64 {
  step(address, READS)
  return atomic.load<u64>(address)
}

export function store32(address: u32, value: u32): void {
  step(address, WRITES)
  atomic.store<u32>(address, value)
}

export function store64(address: u32, value: u64): void {
  step(address, WRITES)
  atomic.store<u64>(address, value)
}

export function cas32(address: u32, expected: u32, value: u32): u32 {
  step(address, UPDATES)
  return atomic.cmpxchg<u32>(address, expected, value)
}

export function cas64(address: u32, expected: u64, value: u64): u64 {
  step(address, UPDATES)
  return atomic.cmpxchg<u64>(address, expected, value)
}

export function exchange32(address: u32, value: u32): u32 {
  step(address, UPDATES)
  return atomic.xchg<u32>(address, value)
}

export function exchange64(address: u32, value: u64): u64 {
  step(address, UPDATES)
  return atomic.xchg<u64>(address, value)
}

export function add32(address: u32, delta: u32): u32 {
  step(address, UPDATES)
  return atomic.add<u32>(address, delta)
}

/**
 * Ordinary loads that come before are done before the atomic loads that come after: on arm64 the release of an exchange is ordered before a
 * later acquiring load. `own` is a word that this thread alone uses. (Binaryen refuses the `atomic.fence` that asc writes.)
 */
export function fence(own: u32): void {
  atomic.add<u32>(own, 0)
}

export function load8(address: u32): u32 {
  step(address, READS)
  return atomic.load<u8>(address)
}

export function store8(address: u32, value: u32): void {
  step(address, WRITES)
  atomic.store<u8>(address, <u8>value)
}

/** A word that only the holder of a lock touches. Plain, but a thread can die before it. */
export function get32(address: u32): u32 {
  return load<u32>(address)
}

export function put32(address: u32, value: u32): void {
  step(address, WRITES)
  store<u32>(address, value)
}

/** Content of a block that nobody else may trust yet. */
export function put64(address: u32, value: u64): void {
  step(address, WRITES)
  store<u64>(address, value)
}
