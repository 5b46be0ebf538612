/** One direction of a connection through a link. */
import type { Socket } from 'node:net'
import { type LinkPlan, STALL_MS } from './protocol.js'

/** Bytes that may wait in a direction: then the sender is held up, as by a full socket. */
const MOST_WAITING = 1 << 20

/**
 * Carries the data of `from` to `to`, each piece `delayMs` later and in order: what follows a stalled piece waits for it, as in TCP. The end
 * of `from` is carried like data.
 */
export function carry(from: Socket, to: Socket, { delayMs, loss }: LinkPlan, random: () => number): void {
  let free = 0
  let waiting = 0
  const later = (work: () => void) => {
    const now = performance.now()
    const stall = random() < loss ? STALL_MS : 0
    // A piece never overtakes an earlier one.
    free = Math.max(free, now + delayMs + stall)
    const wait = free - now
    if (wait < 0.5) work()
    else setTimeout(work, wait)
  }
  from.on('data', piece => {
    waiting += piece.length
    if (waiting > MOST_WAITING) from.pause()
    later(() => {
      if (to.writable) to.write(piece)
      waiting -= piece.length
      if (waiting <= MOST_WAITING && from.isPaused()) from.resume()
    })
  })
  from.on('end', () => later(() => to.end()))
  from.on('error', () => to.destroy())
  from.on('close', () => {
    if (from.errored !== null) to.destroy()
  })
}
