import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { BeliefFinding, Context, Experiment, Outcome } from '@threadmap/workbench/experiment'
import { quantile } from '@threadmap/workbench/statistics'
import { defaultShards, SAFE_KINDS, SHARDED_KINDS } from '@threadmap/workbench/subjects/maps'
import type { MapKind } from 'threadmap'
import { errorOf, fitModel, type Load, type MemoryModel, predict, type Sample, TERMS } from './model.js'
import { measureLoad, randomLoads } from './samples.js'
import { fieldOrder, structSizes } from './structs.js'

/** The fits, from which `threadmap estimate` answers. */
export interface MemoryDetails {
  readonly fits: readonly MemoryFit[]
}

export interface MemoryFit extends MemoryModel {
  /** Errors on the held-out maps, as shares of the measured bytes. */
  readonly medianError: number
  readonly worstError: number
  readonly samples: number
  readonly heldOut: number
}

const EFFORT = {
  quick: { fitted: 64, heldOut: 16, largest: 20_000, growth: [100, 1000, 10_000, 100_000] },
  full: { fitted: 100, heldOut: 40, largest: 200_000, growth: [100, 1000, 10_000, 100_000, 1_000_000] },
}

/** The entries of the chart of the payload's share, and of the finding about 10 million entries. */
const USUAL = { keyBytes: 16, valueBytes: 64, numbers: false }

/** The largest error of a prediction that the model aims at. */
const LIMIT = 0.05

export const memory: Experiment = {
  name: 'memory',
  title: 'How much memory do the entries of a map take?',
  method:
    'Maps of random sizes (entries, length of keys and values, shards) are filled from empty, and the shared memory in use is read from stats(). ' +
    'M_total = M_meta + M_payload is fitted to them by least squares of the relative error, with a coefficient per map, shard, table byte, ' +
    'entry, value block, key byte and value byte (bytes as rounded to the size classes). Then maps that had no part in the fit are predicted. ' +
    'Nothing here depends on time.',
  seconds: { quick: 5, full: 30 },
  run,
}

async function run(context: Context): Promise<Outcome> {
  const effort = EFFORT[context.quick ? 'quick' : 'full']
  const fits: MemoryFit[] = []
  for (const [at, kind] of SAFE_KINDS.entries()) {
    const measureAll = async (loads: ReturnType<typeof randomLoads>, from: number, to: number) => {
      const samples: Sample[] = []
      for (const [i, load] of loads.entries()) {
        samples.push(measureLoad(kind, load))
        context.progress((at + from + ((to - from) * i) / loads.length) / (SAFE_KINDS.length + 1), kind)
        // Ctrl-C is heard only when the event loop turns.
        await new Promise(setImmediate)
        context.signal.throwIfAborted()
      }
      return samples
    }
    const fitted = await measureAll(randomLoads(kind, effort.fitted, effort.largest, context.seed), 0, 0.8)
    const heldOut = await measureAll(randomLoads(kind, effort.heldOut, effort.largest, context.seed + 1), 0.8, 1)
    fits.push(judge(fitModel(kind, fitted), fitted.length, heldOut))
  }
  const usual = { ...USUAL, shards: defaultShards() }
  const growth: Sample[] = []
  for (const entries of effort.growth) {
    context.progress(SAFE_KINDS.length / (SAFE_KINDS.length + 1), `${entries} entries`)
    growth.push(measureLoad('FastMap', { ...usual, entries }))
    await new Promise(setImmediate)
    context.signal.throwIfAborted()
  }
  return outcomeOf(fits, growth, usual)
}

export function judge(model: MemoryModel, samples: number, heldOut: readonly Sample[]): MemoryFit {
  // Rounded to a ten-thousandth of a percent: smaller differences are errors of the floating-point arithmetic.
  const errors = heldOut.map(sample => Math.round(Math.abs(errorOf(model, sample)) * 1e6) / 1e6)
  return {
    ...model,
    medianError: quantile(errors, 0.5),
    worstError: Math.max(...errors),
    samples,
    heldOut: heldOut.length,
  }
}

function payloadShare({ load, bytes }: Sample): number {
  return (100 * load.entries * (load.keyBytes + load.valueBytes)) / bytes
}

function outcomeOf(fits: readonly MemoryFit[], growth: readonly Sample[], usual: Omit<Load, 'entries'>): Outcome {
  const evidence: Evidence[] = fits.flatMap(fit => {
    const row = {
      experiment: 'memory',
      subject: fit.kind,
      workers: 1,
      workload: `${fit.heldOut} maps held out of the fit`,
    }
    return [
      measured({ ...row, metric: 'median error', unit: '%' }, [fit.medianError * 100]),
      measured({ ...row, metric: 'worst error', unit: '%' }, [fit.worstError * 100]),
      ...TERMS.map(term => measured({ ...row, metric: `bytes per ${term}`, unit: 'B' }, [fit.coefficients[term]])),
    ]
  })
  evidence.push(
    ...growth.flatMap(sample => {
      const row = {
        experiment: 'memory',
        subject: 'FastMap',
        workers: 1,
        workload: `${sample.load.entries} entries, ${usual.shards} shards, 16 B keys, 64 B values`,
      }
      return [
        measured({ ...row, metric: 'memory', unit: 'B' }, [sample.bytes]),
        measured({ ...row, metric: 'share of payload', unit: '%' }, [payloadShare(sample)]),
      ]
    }),
  )
  const fast = fits.find(({ kind }) => kind === 'FastMap') as MemoryFit
  const worst = fits.reduce((a, b) => (b.worstError > a.worstError ? b : a))
  const ten = predict(fast, { ...usual, entries: 10_000_000 })
  return {
    evidence,
    charts: [
      {
        id: 'payload-share',
        kind: 'line',
        title: `Share of keys and values in all memory (FastMap, ${usual.shards} shards, 16 B keys, 64 B values)`,
        alternative: growth
          .map(sample => `${sample.load.entries} entries: ${payloadShare(sample).toFixed(0)}%`)
          .join('; '),
        x: { label: 'entries', unit: '', scale: 'log' },
        y: { label: 'payload', unit: '%' },
        series: [
          { name: 'measured', points: growth.map(sample => ({ x: sample.load.entries, y: payloadShare(sample) })) },
          {
            name: 'model',
            points: growth.map(({ load }) => {
              const { payloadBytes, totalBytes } = predict(fast, load)
              return { x: load.entries, y: (100 * payloadBytes) / totalBytes }
            }),
          },
        ],
      },
      {
        id: 'held-out',
        kind: 'bar',
        title: 'Error of the prediction for maps held out of the fit',
        alternative: fits
          .map(fit => `${fit.kind}: median ${pct(fit.medianError)}, worst ${pct(fit.worstError)}`)
          .join('; '),
        categories: fits.map(({ kind }) => kind),
        y: { label: 'error', unit: '%' },
        series: [
          { name: 'median', values: fits.map(fit => ({ y: fit.medianError * 100 })) },
          { name: 'worst', values: fits.map(fit => ({ y: fit.worstError * 100 })) },
        ],
      },
    ],
    tables: [
      {
        title: 'Bytes per unit, fitted',
        columns: [
          { label: 'map' },
          ...TERMS.map(label => ({ label: `per ${label}`, digits: 2 })),
          { label: 'median error', unit: '%', digits: 1 },
          { label: 'worst', unit: '%', digits: 1 },
        ],
        rows: fits.map(fit => [
          fit.kind,
          ...TERMS.map(term => (hasTerm(fit.kind, term) ? fit.coefficients[term] : null)),
          fit.medianError * 100,
          fit.worstError * 100,
        ]),
      },
    ],
    findings: [
      `The model predicts maps that had no part in the fit with a median error of ${pct(
        quantile(
          fits.map(f => f.medianError),
          0.5,
        ),
      )}, at worst ${pct(worst.worstError)} (${worst.kind})` +
        `${worst.worstError <= LIMIT ? '.' : `, more than the goal of ${pct(LIMIT)}.`}`,
      `10 million entries with 16-byte keys and 64-byte values take ${(ten.totalBytes / 1e9).toFixed(2)} GB in a FastMap of ${usual.shards} shards (the default on this machine), ${pct(ten.payloadBytes / ten.totalBytes)} of it payload.`,
    ],
    beliefs: [fieldOrder(structSizes()), payloadBelief(growth)],
    details: { fits } satisfies MemoryDetails,
  }
}

/** A map with one shard has no coefficient per shard: the coefficient per map includes the shard. */
function hasTerm(kind: MapKind, term: (typeof TERMS)[number]): boolean {
  return term !== 'shard' || SHARDED_KINDS.includes(kind)
}

/** A table that has just doubled takes up to 9 bytes more for each entry, of some 100: the share may fall by that between two sizes. */
const DOUBLING = 0.92

function payloadBelief(growth: readonly Sample[]): BeliefFinding {
  const shares = growth.map(payloadShare)
  const rises = shares.every((share, at) => at === 0 || share >= shares[at - 1] * DOUBLING)
  return {
    belief: 14,
    verdict: rises && shares[shares.length - 1] > shares[0] * 1.1 ? 'holds' : 'does not hold',
    measured: `payload ${growth.map((sample, at) => `${shares[at].toFixed(0)}% at ${sample.load.entries.toLocaleString('en-US')} entries`).join(', ')}`,
  }
}

function pct(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}
