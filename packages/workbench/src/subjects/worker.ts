/** One thread of a team: it runs a workload's operations on one subject until the round ends. */
import { Histogram } from 'threadmap/histogram'
import { pin } from '../threads/affinity.js'
import { CollectorWatch } from '../threads/collector.js'
import { type Member, serve } from '../threads/serve.js'
import { type RoundCommand, type RoundReply, SAMPLE, type SubjectCommand, type SubjectReply } from './protocol.js'
import { openRunner, type Runner } from './stores.js'

/**
 * Operations between two looks at the clock. They take 20 to 100 us, so that the look (45 to 65 ns, decision 0017) costs less than
 * 0.3%, and a round of some milliseconds ends on time.
 */
const BATCH = 512

await serve<undefined, SubjectCommand, SubjectReply>((_, member) => {
  let runner: Runner | undefined
  return async command => {
    switch (command.do) {
      case 'prepare':
        await runner?.close()
        runner = await openRunner(command.store, command.workload, command.operations, member.index)
        return undefined
      case 'round':
        if (runner === undefined) throw new Error('a round before a workload')
        return round(runner, command, member)
      case 'pin':
        if (!pin(command.processors)) throw new Error(`cannot be bound to the processors ${command.processors}`)
        return undefined
      case 'close':
        await runner?.close()
        return undefined
    }
  }
})

function round(runner: Runner, { ms, warmUpMs, latency, collector }: RoundCommand, { meet }: Member): RoundReply {
  meet()
  const before = runFor(runner, warmUpMs)
  const watch = collector ? new CollectorWatch() : undefined
  const histogram = latency ? new Histogram() : undefined
  const counted = runFor(runner, ms, histogram)
  return {
    operations: counted.operations,
    ms: counted.ms,
    all: before.operations + counted.operations,
    missed: before.missed + counted.missed,
    ...(histogram === undefined ? {} : { latency: histogram.handle }),
    ...(watch === undefined ? {} : { collector: watch.stop() }),
  }
}

function runFor(runner: Runner, ms: number, latency?: Histogram): { operations: number; ms: number; missed: number } {
  const began = performance.now()
  let operations = 0
  let missed = 0
  let now = began
  do {
    if (latency === undefined) {
      missed += runner.run(BATCH)
    } else {
      for (let i = 0; i < BATCH / SAMPLE; i++) {
        missed += runner.run(SAMPLE - 1)
        const start = performance.now()
        missed += runner.run(1)
        latency.record((performance.now() - start) * 1e6)
      }
    }
    operations += BATCH
    now = performance.now()
  } while (now - began < ms)
  return { operations, ms: now - began, missed }
}
