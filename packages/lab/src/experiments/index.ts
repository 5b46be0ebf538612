import type { Experiment } from '../experiment.js'
import { mix } from './mix/index.js'
import { sharing } from './sharing/index.js'

/** All experiments, in the order in which they run. */
export const EXPERIMENTS: readonly Experiment[] = [sharing, mix]
