import type { Experiment } from '@threadmap/workbench/experiment'
import { backoff } from './backoff/index.js'
import { cache } from './cache/index.js'
import { gc } from './gc/index.js'
import { hashing } from './hash/index.js'
import { lifetime } from './lifetime/index.js'
import { memory } from './memory/index.js'
import { mix } from './mix/index.js'
import { race } from './race/index.js'
import { shards } from './shards/index.js'
import { sharing } from './sharing/index.js'
import { step } from './step/index.js'
import { tail } from './tail/index.js'

/** All experiments, in the order in which they run. */
export const EXPERIMENTS: readonly Experiment[] = [
  race,
  step,
  gc,
  lifetime,
  sharing,
  hashing,
  shards,
  memory,
  backoff,
  cache,
  tail,
  mix,
]
