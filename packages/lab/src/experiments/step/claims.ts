import type { ClaimFinding } from '../../claims.js'
import { chainText } from './knee/attribution.js'
import { TIME_OUT_MS } from './load/tally.js'
import type { Series } from './measure.js'

/** Throughput that gains less than this share of what the clients gain has stopped growing. */
const STOPPED = 0.25
/** The claim has 2.1 times from one step to the next; half of that jump is one still. */
const JUMP = 1.5
/** As many failures as the claim's own steps below the knee have. */
const FEW_FAILURES = 0.999

/** What the steps say about the claims on the knee (5) and on its cause (6). */
export function claimsOf(main: Series, all: readonly Series[]): ClaimFinding[] {
  return [kneeClaim(main), causeClaim(main, all)]
}

function kneeClaim({ name, steps, knees: { beyond } }: Series): ClaimFinding {
  const last = steps[steps.length - 1]
  if (beyond === null || beyond === 0) {
    const why = beyond === null ? `no knee up to ${last.clients} clients` : 'already the first step is beyond the knee'
    return {
      claim: 5,
      verdict: 'cannot tell',
      measured: `${name}: ${why}, with other --clients or --rate there may be one`,
    }
  }
  const before = steps[beyond - 1]
  const past = steps[beyond]
  // From the knee to the last step: right behind the knee throughput may gain a little yet.
  const gain = (last.throughput / before.throughput - 1) / (last.clients / before.clients - 1)
  const latency = past.latency.p95 / before.latency.p95
  const failed = Math.min(...steps.slice(beyond).map(({ success }) => success))
  const figures =
    `from ${before.clients} to ${last.clients} clients throughput goes from ${before.throughput.toFixed(0)} to ${last.throughput.toFixed(0)}/s, ` +
    `from ${before.clients} to ${past.clients} P95 rises ${latency.toFixed(1)} times (the claim: 2.1), and at worst ${(100 * failed).toFixed(2)}% succeed (97.3%)`
  if (!(gain < STOPPED && latency >= JUMP))
    return { claim: 5, verdict: 'does not hold', measured: `${name}: ${figures}` }
  if (failed < FEW_FAILURES) return { claim: 5, verdict: 'holds', measured: `${name}: ${figures}` }
  const short = past.seconds * 1000 < TIME_OUT_MS
  return {
    claim: 5,
    verdict: short ? 'cannot tell' : 'does not hold',
    measured: short
      ? `${name}: ${figures}; throughput and latency are as claimed, but errors cannot show in steps shorter than the time-out`
      : `${name}: ${figures}; throughput and latency are as claimed, errors are not`,
  }
}

function causeClaim(main: Series, all: readonly Series[]): ClaimFinding {
  const planted = all.find(each => each.planted === 'pool')
  const seen =
    planted?.attribution === undefined || planted.attribution === null
      ? ''
      : `; with a pool planted, what runs out is ${planted.attribution.name} (${chainText(planted.attribution)})`
  const { attribution, name } = main
  if (main.planted !== null || main.type === 'foreign' || !attribution?.resource) {
    const why = attribution?.resource ? `what runs out is ${attribution.name}` : 'no cause could be named'
    const whose = main.planted === null ? '' : ', where it was planted'
    return { claim: 6, verdict: 'cannot tell', measured: `${name}: ${why}${whose}${seen}` }
  }
  return {
    claim: 6,
    verdict: 'does not hold',
    measured: `${name} has no pool, and a knee all the same: what runs out is ${attribution.name}${seen}`,
  }
}
