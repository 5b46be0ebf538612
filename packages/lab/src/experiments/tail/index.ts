import type { Context, Experiment, Outcome } from '@threadmap/workbench/experiment'
import { cockatielModule } from './guards/cockatiel.js'
import { GUARDS } from './guards/guard.js'
import { type FaultRun, Servers } from './measure.js'
import { outcomeOf } from './outcome.js'
import { FAULT_NAMES, PLANS, WARM_UP } from './plan.js'

/** Workers of a server at most: all servers run at the same time, so more threads would wait for a core. */
const MOST_WORKERS = 4

export const tail: Experiment = {
  name: 'tail',
  title: 'What does one hot shard do to everyone else, and what helps?',
  method:
    'An HTTP server of several threads reads and writes keys of a store of 64 shards, which waits for timers and uses no processor; its operations share one pool of connections, and a shard works on two at once while others ' +
    'wait in it with their connection, so a shard that cannot keep up takes the connections of all. An open loop sends requests (Zipf keys, 5% writes) at times that the seed determines, and measures from them. ' +
    'Servers with different protection, each with a store of its own, get the same requests at the same moments, so that a disturbance of the machine meets all. After a while a fault is planted, and later removed. ' +
    'Latencies are of answered requests; refused and failed ones count apart. Everyone else is who does not ask the hot shard. Healthy: P99 at most 1.5 times that of before, and at most 1% more unanswered. A stale value was read by the store before the request arrived. ' +
    'The store logs writes as they take effect; afterwards the log is compared with what clients were told. The full run has the default times of the governor; the quick one shortens them by 15.',
  seconds: { quick: 115, full: 1050 },
  byName: true,
  run,
}

async function run(context: Context): Promise<Outcome> {
  const plan = PLANS[context.quick ? 'quick' : 'full']
  const hasCockatiel = (await cockatielModule()) !== undefined
  if (!hasCockatiel) context.leaveOut('cockatiel', 'it is not installed (npm install cockatiel)')
  const guards = GUARDS.filter(guard => hasCockatiel || !guard.startsWith('cockatiel'))
  const workers = Math.min(context.workers, MOST_WORKERS)
  const servers = await Servers.start({ guards, workers, seed: context.seed, signal: context.signal })
  try {
    await servers.run(undefined, WARM_UP, () => context.progress(0, 'warming up'))
    const runs: FaultRun[] = []
    for (const [at, fault] of FAULT_NAMES.entries()) {
      const onProgress = (share: number) => context.progress((at + share) / FAULT_NAMES.length, fault)
      runs.push(await servers.run(fault, plan, onProgress))
    }
    return outcomeOf(runs, workers)
  } finally {
    await servers.stop()
  }
}
