/**
 * threadmap/watch: hears of the ends of workers, and does nothing else. It is for workers that only forward handles to workers of their
 * own: without it other threads do not hear of the deaths of those workers before the forwarding worker ends. It loads no map and no
 * kernel.
 */

export { onThreadDeath, type ThreadDeath, watchWorker as watch } from './liveness/watch.js'
export type { WatchableWorker } from './platform/workers.js'
