/** The thread that leads: it looks at all shards at fixed times. */
import type { Room } from './shared/room.js'

export class Leader {
  readonly #room: Room

  constructor(room: Room) {
    this.#room = room
  }

  /** Called several times per look by every thread. */
  turn(now: number): void {
    const { lease, counts, settings, started } = this.#room
    if (!lease.hold(now)) return
    const number = Math.floor((now - started) / settings.windows.look)
    if (number < 1 || !lease.begin(number)) return
    counts.copy(number, 0, settings.shards)
    counts.publish(number, now)
  }
}
