/** @threadmap/stores/prometheus: one registry of prom-client for all threads. */

export { Counter, Gauge, Histogram, Summary } from './metrics.js'
export { SharedRegistry, type SharedRegistryHandle } from './registry.js'
export { RELATIVE_ERROR } from './sketch.js'
