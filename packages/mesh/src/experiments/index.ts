import { admission } from './admission.js'
import { changes } from './changes.js'
import type { MeshExperiment } from './experiment.js'
import { faults } from './faults.js'
import { handshake } from './handshake.js'
import { knee } from './knee.js'
import { latency, latencyGrpc, latencyMix } from './latency.js'
import { telemetry } from './telemetry.js'

/** All experiments, in the order in which they run: faults come last, since they leave new processes behind. */
export const EXPERIMENTS: readonly MeshExperiment[] = [
  latency,
  latencyGrpc,
  latencyMix,
  knee,
  telemetry,
  admission,
  handshake,
  changes,
  faults,
]
