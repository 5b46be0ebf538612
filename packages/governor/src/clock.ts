/**
 * Milliseconds of a clock that all threads of a process read alike. In Node the zero of `hrtime` is the system's start, and the clock never
 * goes back; Bun and Deno count from each thread's own start, so there the system's time at that start is added.
 */
export function sharedNow(): number {
  return performance.now() + offset
}

const offset = startOfClock()

function startOfClock(): number {
  if (process.versions.bun !== undefined || process.versions.deno !== undefined) return performance.timeOrigin
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6 - performance.now()
}
