/** One direction of a connection through a link. */
import type { Socket } from 'node:net'
import { type Quality, STALL_MS } from './protocol.js'

/** Bytes that may wait in a direction: then the sender is held up, as by a full socket. */
const MOST_WAITING = 1 << 20

/**
 * Carries the data of `from` to `to`, each piece `delayMs` later and in order: what follows a stalled piece waits for it, as in TCP. The end
 * of `from` is carried like data.
 */
export function carry(from: Socket, to: Socket, quality: () => Quality, random: () => number): void {
  let free = 0
  let waiting = 0
  const queue: { readonly due: number; readonly work: () => void }[] = []
  /** Does what is due, and comes back for the rest. One timer for all: of two timers the later one can fire first, since Node cuts times to whole milliseconds. */
  const run = () => {
    while (queue.length > 0) {
      const wait = queue[0].due - performance.now()
      if (wait >= 0.5) {
        setTimeout(run, Math.ceil(wait))
        return
      }
      queue[0].work()
      queue.shift()
    }
  }
  const later = (work: () => void) => {
    const { delayMs, loss } = quality()
    const stall = random() < loss ? STALL_MS : 0
    // A piece never overtakes an earlier one.
    free = Math.max(free, performance.now() + delayMs + stall)
    queue.push({ due: free, work })
    if (queue.length === 1) run()
  }
  from.on('data', piece => {
    waiting += piece.length
    if (waiting > MOST_WAITING) from.pause()
    later(() => {
      if (to.writable) to.write(piece)
      waiting -= piece.length
      if (waiting <= MOST_WAITING && from.isPaused() && !quality().isCut) from.resume()
    })
  })
  from.on('end', () => later(() => to.end()))
  from.on('error', () => to.destroy())
  from.on('close', () => {
    if (from.errored !== null) to.destroy()
  })
}
