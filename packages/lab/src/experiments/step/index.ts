import { availableParallelism } from 'node:os'
import type { Context, Experiment, Outcome } from '@threadmap/workbench/experiment'
import { asked, checkAsked, FLAGS } from './flags.js'
import { measureAll } from './measure.js'
import { outcomeOf } from './outcome.js'

export const step: Experiment = {
  name: 'step',
  title: 'How many clients can be served, and what runs out first?',
  method:
    'More and more clients send requests in an open loop: at the times of a Poisson process, whether or not earlier requests were ' +
    'answered. Each client has one connection; a request that is due while all clients wait for an answer waits for the ' +
    'next free one. Latency counts from the intended send time. A request without an answer after 5 s has failed, and is not sent ' +
    'again. A closed loop before (each client sends when it is answered) gives the ceiling; the last step offers 1.5 times the ' +
    'ceiling, so steps beyond the ceiling build up a queue as long as they last. The reference server is an order API over ' +
    'HTTP (four look-ups to one order) whose workers share one map; "in process" does its work without HTTP. Load generator ' +
    'and server share the cores of this machine; the generator may send a millisecond late. Three knees: the peak of a curve by the ' +
    'Universal Scalability Law (weighted fit, 90% interval by bootstrap), the bend of log P95 by Kneedle, and the last step ' +
    'that meets the objective; the last one is the answer, since a service is judged by its objective. The cause of the knee follows from the measured series: it is the innermost of the resources that are full.',
  seconds: { quick: 12, full: 135 },
  flags: FLAGS,
  check: checkAsked,
  run,
}

async function run(context: Context): Promise<Outcome> {
  const options = asked(context)
  const series = await measureAll(context, options, availableParallelism())
  return outcomeOf(series, options.objective)
}
