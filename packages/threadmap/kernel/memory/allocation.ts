/** What this thread's next allocation may do, and why its last one failed. */
import { E_FULL } from '../layout'

/** Why the last allocation failed: E_FULL, E_TIMEOUT or E_SPARSE. */
export let failure: i32 = 0

/** Sets `failure`. */
export function failWith(code: i32): void {
  failure = code
}

/** Whether the last allocation failed only because no free pages are side by side. */
export let wantsRun: bool = false

/** Sets `failure` to E_FULL. `run`: there are free pages, but not side by side. */
export function failFull(run: bool): void {
  failure = E_FULL
  wantsRun = run
}

/** Whether the caller can compact its heap when an allocation fails with E_SPARSE. */
export let mayCompact: bool = false

export function allowCompaction(allowed: bool): void {
  mayCompact = allowed
}

/** Whether the pages that H_RESERVE keeps may be taken. */
export let mayUseReserve: bool = false

export function allowReserve(allowed: bool): void {
  mayUseReserve = allowed
}

/** Whether pages side by side are taken at the end of the memory, and not at the first place that they fit. */
export let fromEnd: bool = false

export function takeFromEnd(last: bool): void {
  fromEnd = last
}
