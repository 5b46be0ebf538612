import type { BeliefFinding } from '@threadmap/workbench/experiment'
import { TIME_OUT_MS } from '@threadmap/workbench/load/tally'
import { chainText } from './knee/attribution.js'
import type { Series } from './measure.js'
import { HOT_SHARD } from './server/orders.js'

/** Throughput has stopped growing if its gain is less than this share of the gain in clients. */
const STOPPED = 0.25
/** The belief names a jump of 2.1 times from one step to the next; half of that still counts as a jump. */
const JUMP = 1.5
/** The share of failures that the belief's own steps below the knee have. */
const FEW_FAILURES = 0.999

/** By the belief's rule, a hot shard's P99 exceeds the P99 of all requests by this factor. */
const HOT_RULE = 3

/** Requests that a P99 needs at least: with fewer, it is one of the ten slowest requests, and so a matter of chance. */
const LEAST_FOR_P99 = 1000

/** Verdicts on the beliefs on the knee (5), its cause (6), and a hot shard (15). */
export function beliefsOf(main: Series, all: readonly Series[]): BeliefFinding[] {
  const hot = all.find(({ planted }) => planted === 'shard')
  return [kneeBelief(main), causeBelief(main, all), ...(hot === undefined ? [] : [hotShardBelief(hot)])]
}

function kneeBelief({ name, steps, knees: { beyond } }: Series): BeliefFinding {
  const last = steps[steps.length - 1]
  if (beyond === null || beyond === 0) {
    const why = beyond === null ? `no knee up to ${last.clients} clients` : 'already the first step is beyond the knee'
    return {
      belief: 5,
      verdict: 'cannot tell',
      measured: `${name}: ${why}, with other --clients or --rate there may be one`,
    }
  }
  const before = steps[beyond - 1]
  const past = steps[beyond]
  // From the knee to the last step, since throughput may still gain a little right behind the knee.
  const gain = (last.throughput / before.throughput - 1) / (last.clients / before.clients - 1)
  const latency = past.latency.p95 / before.latency.p95
  const failed = Math.min(...steps.slice(beyond).map(({ success }) => success))
  const figures =
    `from ${before.clients} to ${last.clients} clients throughput goes from ${before.throughput.toFixed(0)} to ${last.throughput.toFixed(0)}/s, ` +
    `from ${before.clients} to ${past.clients} P95 rises ${latency.toFixed(1)} times (the belief: 2.1), and at worst ${(100 * failed).toFixed(2)}% succeed (97.3%)`
  if (!(gain < STOPPED && latency >= JUMP))
    return { belief: 5, verdict: 'does not hold', measured: `${name}: ${figures}` }
  if (failed < FEW_FAILURES) return { belief: 5, verdict: 'holds', measured: `${name}: ${figures}` }
  const short = past.seconds * 1000 < TIME_OUT_MS
  return {
    belief: 5,
    verdict: short ? 'cannot tell' : 'does not hold',
    measured: short
      ? `${name}: ${figures}; throughput and latency are as believed, but errors cannot show in steps shorter than the time-out`
      : `${name}: ${figures}; throughput and latency are as believed, errors are not`,
  }
}

function causeBelief(main: Series, all: readonly Series[]): BeliefFinding {
  const planted = all.find(each => each.planted === 'pool')
  const seen =
    planted?.attribution === undefined || planted.attribution === null
      ? ''
      : `; with a pool planted, what runs out is ${planted.attribution.name} (${chainText(planted.attribution)})`
  const { attribution, name } = main
  if (main.planted !== null || main.type === 'foreign' || !attribution?.resource) {
    const why = attribution?.resource ? `what runs out is ${attribution.name}` : 'no cause could be named'
    const whose = main.planted === null ? '' : ', where it was planted'
    return { belief: 6, verdict: 'cannot tell', measured: `${name}: ${why}${whose}${seen}` }
  }
  if (attribution.resource === 'load generator') {
    return {
      belief: 6,
      verdict: 'cannot tell',
      measured: `${name}: ${attribution.name} ran out before the server${seen}`,
    }
  }
  return {
    belief: 6,
    verdict: 'does not hold',
    measured: `${name} has no pool, and a knee all the same: what runs out is ${attribution.name}${seen}`,
  }
}

/**
 * A hot shard was planted: does it drive P99, and does the belief's rule find it? The rule compares with the P99 of all
 * requests. If most requests go to the hot shard, they determine that P99 themselves.
 */
function hotShardBelief({ name, steps, knees: { beyond }, attribution }: Series): BeliefFinding {
  const { resources, throughput, seconds } = steps[beyond ?? steps.length - 1]
  const hot = resources.locks?.p99[HOT_SHARD]
  const rest = resources.locks?.p99OfRest[HOT_SHARD]
  const all = resources.locks?.p99OfAll
  const count = throughput * seconds
  if (attribution === null || !hot || !rest || !all || count < LEAST_FOR_P99) {
    const why = attribution === null ? 'no knee was reached' : `${count.toFixed(0)} requests are too few for a P99`
    return { belief: 15, verdict: 'cannot tell', measured: `${name}: ${why}` }
  }
  const drives = attribution.resource === 'lock' && attribution.name.includes(`shard ${HOT_SHARD}`)
  const ofAll = hot / all
  const cause = drives ? `the planted hot shard ${HOT_SHARD} is what runs out` : `what runs out is ${attribution.name}`
  return {
    belief: 15,
    verdict: drives ? (ofAll >= HOT_RULE ? 'holds' : 'does not hold') : 'cannot tell',
    measured:
      `${name}: ${cause}; its P99 is ${ofAll.toFixed(1)} times that of all requests (the belief's rule asks for ${HOT_RULE}) ` +
      `and ${(hot / rest).toFixed(1)} times that of the other shards. If most requests go to the hot shard, they determine ` +
      'the P99 of all, so the comparison with the other shards counts. The step is shorter than the 30 s of the rule',
  }
}
