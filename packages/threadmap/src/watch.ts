/**
 * threadmap/watch: hears of the ends of workers, and nothing else. For workers that only forward handles to workers of their
 * own: without it nobody hears of their workers' deaths before they end themselves. It loads no map and no kernel.
 */

export { onThreadDeath, type ThreadDeath, watchWorker as watch } from './liveness/watch.js'
export type { WatchableWorker } from './platform/workers.js'
