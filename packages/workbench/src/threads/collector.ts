import { GCProfiler } from 'node:v8'
import type { CollectorFigures } from '../subjects/protocol.js'

/**
 * Watches the collector of this thread: how often it ran, how long each pause was, and how much was allocated (what was in
 * use before each collection, less what the one before had left).
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
      // V8 gives microseconds.
      pauses.push(cost / 1000)
      if (gcType.startsWith('Scavenge') || gcType.startsWith('MinorMarkSweep')) young++
      // Steps of incremental marking pause too, and belong to a collection that is counted at its end.
      else if (gcType.startsWith('MarkSweep') || gcType.startsWith('MarkCompact')) old++
    }
    allocatedBytes += Math.max(0, usedAtEnd - used)
    return { young, old, pauses, allocatedBytes }
  }
}

/** What several threads' collectors did together. */
export function together(figures: readonly CollectorFigures[]): CollectorFigures {
  const sum = (of: (each: CollectorFigures) => number) => figures.reduce((total, each) => total + of(each), 0)
  return {
    young: sum(({ young }) => young),
    old: sum(({ old }) => old),
    pauses: figures.flatMap(({ pauses }) => pauses),
    allocatedBytes: sum(({ allocatedBytes }) => allocatedBytes),
  }
}
