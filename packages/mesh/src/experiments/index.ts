import { admission } from './admission.js'
import { caRotation } from './ca-rotation.js'
import { changes } from './changes.js'
import { controlPlane } from './control-plane.js'
import type { MeshExperiment } from './experiment.js'
import { faults } from './faults/index.js'
import { federation } from './federation.js'
import { growth } from './growth.js'
import { handshake } from './handshake.js'
import { knee } from './knee.js'
import { latency, latencyGrpc, latencyMix } from './latency.js'
import { revocation } from './revocation.js'
import { soak } from './soak.js'
import { telemetry } from './telemetry.js'

/** All experiments, in the order in which they run: the soak, which may take days, after faults, which leave new processes behind. */
export const EXPERIMENTS: readonly MeshExperiment[] = [
  latency,
  latencyGrpc,
  latencyMix,
  knee,
  telemetry,
  admission,
  handshake,
  changes,
  revocation,
  caRotation,
  growth,
  controlPlane,
  faults,
  federation,
  soak,
]
