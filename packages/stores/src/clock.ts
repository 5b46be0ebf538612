/**
 * Milliseconds of a clock that all threads of a process read alike, and that nobody sets: changes of the wall clock do not move it. In Node the zero of
 * `hrtime` is the system's start; Bun and Deno count from each thread's own start, so there the system's time at that start is added.
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
