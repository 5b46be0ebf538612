/** Takes processor time: 4 ms of each 10 ms, until it is killed. */
const BUSY_MS = 4
const PERIOD_MS = 10

setInterval(() => {
  const until = performance.now() + BUSY_MS
  while (performance.now() < until);
}, PERIOD_MS)
