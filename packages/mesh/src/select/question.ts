/** What is asked of a selection: hard requirements, and weights for the rest. */
import { UsageError } from '@threadmap/workbench/errors'
import { isWeighable, METRIC_IDS, metricNames, metricOf, near } from '../rows/metrics.js'
import type { MeshRow } from '../rows/row.js'

/** How a row stands to a requirement; `unsure` if the limit lies inside the row's noise, or the answer is in words that nobody planned for. */
export type Standing = 'meets' | 'fails' | 'unsure'

/** A requirement that a subject must meet: no weight makes up for it. */
export interface Requirement {
  /** As in `--require`. */
  readonly name: string
  readonly title: string
  /** The metric whose row decides. */
  readonly metric: string
  judge(row: MeshRow): Standing
}

export interface Question {
  readonly require: readonly Requirement[]
  /** Weights above 0 by metric. Only their ratios count. */
  readonly weigh: ReadonlyMap<string, number>
  /** A part of the name of the workload whose rows are compared; without it, the one that most subjects have. */
  readonly workload?: string | undefined
  /** Metrics that the question is about but puts no weight on: the answer says which of them no row decides. */
  readonly about?: readonly string[]
}

const yes = (name: string, title: string): Requirement => ({
  name,
  title,
  metric: name,
  judge: ({ value }) => (value === 'yes' ? 'meets' : value === 'no' ? 'fails' : 'unsure'),
})

const refuses = (name: string, title: string, metric: string): Requirement => ({
  name,
  title,
  metric,
  judge({ value }) {
    // A proxy that finishes the handshake and answers with an error for itself lets nobody in.
    if (/^(refused|answered [45])/.test(String(value))) return 'meets'
    return /^(let in|accepted|took effect)/.test(String(value)) ? 'fails' : 'unsure'
  },
})

/** A figure on the right side of a limit. Its whole interval must be there, since another run may give any value of it. */
function within(name: string, title: string, metric: string, most: number, isMost = true): Requirement {
  return {
    name,
    title,
    metric,
    judge({ value, interval }) {
      if (value === NO_EFFECT || value === NO_RECOVERY) return 'fails'
      if (typeof value !== 'number') return 'unsure'
      const { low, high } = {
        low: Math.min(value, interval?.low ?? value),
        high: Math.max(value, interval?.high ?? value),
      }
      if (isMost ? high <= most : low >= most) return 'meets'
      return (isMost ? low > most : high < most) ? 'fails' : 'unsure'
    },
  }
}

/** What a row says in place of a time if a change never took effect. */
export const NO_EFFECT = 'no effect'
/** What a row says in place of a time if a subject did not recover from a fault. */
const NO_RECOVERY = 'none'

export const REQUIREMENTS: readonly Requirement[] = [
  {
    name: 'tls13',
    title: 'TLS 1.3 only',
    metric: 'tls-versions',
    judge({ value }) {
      const versions = String(value).match(/\b1\.[0-3]\b/g) ?? []
      if (versions.length === 0) return 'unsure'
      return versions.every(version => version === '1.3') ? 'meets' : 'fails'
    },
  },
  refuses('mtls', 'refuses a client without a certificate', 'no-certificate'),
  refuses('identity', 'refuses a certificate of another identity', 'wrong-identity'),
  refuses('expiry', 'refuses an expired certificate', 'expired-certificate'),
  refuses('no-sha1', 'refuses a certificate signed with SHA-1', 'sha1-certificate'),
  refuses('safe-configuration', 'refuses a bad configuration', 'bad-configuration'),
  within('revocation-1s', 'refuses a revoked certificate within 1 s', 'revocation', 1000),
  within('rotation', 'no request fails during a rotation', 'rotation-failed', 0),
  within('canary', 'no request fails during a canary', 'canary-failed', 0),
  yes('fips', 'FIPS 140 validated cryptography'),
  yes('multi-cluster', 'serves across clusters'),
]

/** Short names of metrics in `--weigh`. */
const SHORT: Readonly<Record<string, string>> = {
  cpu: 'cpu-per-request',
  memory: 'pss',
  steps: 'operator-steps',
  hours: 'operation-hours',
}

/** The requirements in a list `tls13,fips,p99<=20`. `UsageError` for one that does not exist. */
export function parseRequirements(text: string): Requirement[] {
  return listOf(text, '--require', 'tls13,fips').map(part => {
    const named = REQUIREMENTS.find(({ name }) => name === part)
    if (named !== undefined) return named
    const [, metric, sign, limit] = /^([a-z0-9-]+)(<=|>=)(\S+)$/.exec(part) ?? []
    if (metric === undefined) {
      const names = REQUIREMENTS.map(({ name }) => name)
      const likely = near(part, names)
      throw new UsageError(
        `--require ${part}: there is no such requirement; ${likely.length > 0 ? `did you mean ${likely.join(' or ')}?` : `there are ${names.join(', ')}, and limits such as p99<=20`}`,
      )
    }
    const id = SHORT[metric] ?? metric
    const known = metricOf(id)
    if (known === undefined)
      throw new UsageError(`--require ${part}: there is no metric ${metric}; ${metricNames(metric)}`)
    if (known.kind !== 'figure' && known.kind !== 'count') {
      throw new UsageError(`--require ${part}: ${id} is an answer, not a figure; leave the limit out`)
    }
    const most = Number(limit)
    if (!Number.isFinite(most)) {
      throw new UsageError(`--require ${part}: ${limit} is no number; give a number in ${known.unit}, without the unit`)
    }
    const isMost = sign === '<='
    return within(part, `${known.title} ${isMost ? 'at most' : 'at least'} ${limit} ${known.unit}`, id, most, isMost)
  })
}

/** The weights in a list `p95=3,memory=1`. `UsageError` for a metric that takes none, or a weight that is not above 0. */
export function parseWeights(text: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const part of listOf(text, '--weigh', 'p95=3,memory=1')) {
    const [, name, given] = /^([a-z0-9-]+)(?:=(\S+))?$/.exec(part) ?? []
    if (name === undefined) throw new UsageError(`--weigh ${part}: give METRIC=WEIGHT, such as p95=3`)
    const id = SHORT[name] ?? name
    const metric = metricOf(id)
    if (metric === undefined) throw new UsageError(`--weigh ${part}: there is no metric ${name}; ${metricNames(name)}`)
    if (!isWeighable(metric)) {
      const instead = id.endsWith('-added') ? `weigh ${id.slice(0, -'-added'.length)}` : 'use --require for it'
      throw new UsageError(
        `--weigh ${part}: ${id} may be 0 or is an answer, so that it has no ratio; ${instead}, or weigh one of ${METRIC_IDS.filter(each => isWeighable(metricOf(each)!)).join(', ')}`,
      )
    }
    const weight = Number(given ?? 1)
    if (!(weight > 0 && weight <= MOST_WEIGHT)) {
      throw new UsageError(
        `--weigh ${part}: the weight must be above 0 and at most ${MOST_WEIGHT}; leave ${name} out instead of 0`,
      )
    }
    if (weights.has(id)) throw new UsageError(`--weigh ${part}: ${id} has a weight already; give it once`)
    weights.set(id, weight)
  }
  return weights
}

/** Only ratios of weights count, and a larger ratio leaves the lighter metric without any say. */
const MOST_WEIGHT = 1e6

function listOf(text: string, flag: string, example: string): string[] {
  const parts = text.split(',').map(part => part.trim())
  if (parts.some(part => part === ''))
    throw new UsageError(`${flag} "${text}": a name is empty; give ${flag} ${example}`)
  return parts
}

export interface Preset extends Question {
  readonly name: string
  readonly title: string
  /** Where its weights come from. */
  readonly note: string
}

export const PRESETS: readonly Preset[] = [
  {
    name: 'payments',
    title: 'financial payments: P95, mTLS 1.3, rotation, memory',
    note: 'The guide names these criteria without weights. The weights 3, 2 and 1 are ours; the sensitivity says what they decide.',
    require: parseRequirements('tls13,mtls,identity,rotation'),
    weigh: parseWeights('p95=3,rotation=2,memory=1'),
    about: ['fips', 'revocation', 'multi-cluster', 'control-plane-cpu', 'operation-hours', 'cost', 'slo', 'alerts'],
  },
]

export function presetOf(name: string): Preset {
  const found = PRESETS.find(preset => preset.name === name)
  if (found === undefined) {
    throw new UsageError(
      `--preset ${name}: there is no such preset; give one of ${PRESETS.map(each => each.name).join(', ')}`,
    )
  }
  return found
}
