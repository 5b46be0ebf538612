/** A task of a pool: attaches each time, and disposes nothing. */
import type { MapHandle } from 'threadmap'
import { attachMap } from '../support/maps.js'

export default function task(handle: MapHandle<string, number>): void {
  attachMap(handle).add('tasks', 1)
}
