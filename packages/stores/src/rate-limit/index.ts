/** @threadmap/stores/rate-limit: limits for all threads together. Stores for other packages: `/rate-limit/express`, `/fastify`, `/flexible`. */

export type { AlgorithmName } from './algorithms.js'
export { LimitsFullError } from './errors.js'
export { type Counted, type Extend, Limits, type LimitsHandle, type LimitsOptions } from './limits.js'
export { RateLimit, type RateLimitHandle, type RateLimitOptions, type Verdict } from './rate-limit.js'
export type { TableHandle, TableOptions, WhenFull } from './table.js'
