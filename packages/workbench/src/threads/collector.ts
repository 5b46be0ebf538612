import { GCProfiler } from 'node:v8'
import type { CollectorFigures } from '../subjects/protocol.js'

/**
 * Watches the collector of this thread: the number of collections, the pause of each, and the allocated bytes (the bytes in
 * use before a collection, less the bytes in use after the collection before).
 */
export class CollectorWatch {
  readonly #profiler = new GCProfiler()
  readonly #usedAtStart = process.memoryUsage().heapUsed

  constructor() {
    this.#profiler.start()
  }

  stop(): CollectorFigures {
    const usedAtEnd = process.memoryUsage().heapUsed
    const { statistics } = this.#profiler.stop()
    let used = this.#usedAtStart
    let allocatedBytes = 0
    let young = 0
    let old = 0
    const pauses: number[] = []
    for (const { gcType, beforeGC, afterGC, cost } of statistics) {
      allocatedBytes += Math.max(0, beforeGC.heapStatistics.usedHeapSize - used)
      used = afterGC.heapStatistics.usedHeapSize
      // V8's unit is a microsecond.
      pauses.push(cost / 1000)
      if (gcType.startsWith('Scavenge') || gcType.startsWith('MinorMarkSweep')) young++
      // Steps of incremental marking pause too, and belong to a collection that is counted at its end.
      else if (gcType.startsWith('MarkSweep') || gcType.startsWith('MarkCompact')) old++
    }
    allocatedBytes += Math.max(0, usedAtEnd - used)
    return { young, old, pauses, allocatedBytes }
  }
}

/** The work of several threads' collectors together. */
export function together(figures: readonly CollectorFigures[]): CollectorFigures {
  const sum = (of: (each: CollectorFigures) => number) => figures.reduce((total, each) => total + of(each), 0)
  return {
    young: sum(({ young }) => young),
    old: sum(({ old }) => old),
    pauses: figures.flatMap(({ pauses }) => pauses),
    allocatedBytes: sum(({ allocatedBytes }) => allocatedBytes),
  }
}
