/** One thread of a crew: it does a workload's operations on one subject, for as long as it is told. */
import { Histogram } from 'threadmap/histogram'
import { pin } from '../threads/affinity.js'
import { type Member, serve } from '../threads/serve.js'
import { CollectorWatch } from './collector.js'
import { type CrewCommand, type CrewReply, type RoundCommand, type RoundReply, SAMPLE } from './protocol.js'
import { openRunner, type Runner } from './stores.js'

/** Operations between two looks at the clock: 20 to 100 us. */
const BATCH = 512

await serve<undefined, CrewCommand, CrewReply>((_, member) => {
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
  if (counted.found < 0) throw new Error('unreachable: it keeps the reads from being left out')
  return {
    operations: counted.operations,
    ms: counted.ms,
    all: before.operations + counted.operations,
    ...(histogram === undefined ? {} : { latency: histogram.handle }),
    ...(watch === undefined ? {} : { collector: watch.stop() }),
  }
}

function runFor(runner: Runner, ms: number, latency?: Histogram): { operations: number; ms: number; found: number } {
  const began = performance.now()
  let operations = 0
  let found = 0
  let now = began
  do {
    if (latency === undefined) {
      found += runner.run(BATCH)
    } else {
      for (let i = 0; i < BATCH / SAMPLE; i++) {
        found += runner.run(SAMPLE - 1)
        const start = performance.now()
        runner.one()
        latency.record((performance.now() - start) * 1e6)
      }
    }
    operations += BATCH
    now = performance.now()
  } while (now - began < ms)
  return { operations, ms: now - began, found }
}
