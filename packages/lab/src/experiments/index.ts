import type { Experiment } from '../experiment.js'
import { backoff } from './backoff/index.js'
import { gc } from './gc/index.js'
import { memory } from './memory/index.js'
import { mix } from './mix/index.js'
import { shards } from './shards/index.js'
import { sharing } from './sharing/index.js'

/** All experiments, in the order in which they run. */
export const EXPERIMENTS: readonly Experiment[] = [sharing, gc, shards, memory, backoff, mix]
