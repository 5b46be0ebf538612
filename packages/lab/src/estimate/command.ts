import { existsSync } from 'node:fs'
import { UsageError } from '@threadmap/workbench/errors'
import { jsonTarget } from '@threadmap/workbench/json'
import { bytesText } from '@threadmap/workbench/memory'
import { defaultShards, SAFE_KINDS, SHARDED_KINDS } from '@threadmap/workbench/subjects/maps'
import { LARGEST_MAP } from '@threadmap/workbench/subjects/room'
import { DEFAULT_SEED } from '@threadmap/workbench/workload'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { MapKind } from 'threadmap'
import { DEFAULT_FOLDER, finished } from '../document.js'
import { judge, type MemoryDetails, type MemoryFit } from '../experiments/memory/index.js'
import { fitModel, type Load, type Prediction, payloadOf, predict } from '../experiments/memory/model.js'
import { measureLoad, randomLoads, SHORTEST_KEY } from '../experiments/memory/samples.js'
import { wholeNumber } from '../lab/command.js'
import { newestWith, RunFolder } from '../run-folder.js'

interface Flags {
  entries: number
  key: number
  value: number
  numbers?: boolean
  map: MapKind
  shards?: number
  run?: string
  json?: string | true
}

const LARGEST_KEY = 65_535

/** The effort of a fit that is made now because no run has one: about two seconds. */
const QUICK_FIT = { fitted: 64, heldOut: 16, largest: 20_000, seed: DEFAULT_SEED }

export function estimateCommand(): Command {
  return new Command('estimate')
    .summary('say how much memory a map takes')
    .description('Predicts the memory of a map from the fit of "threadmap lab memory" (or from a short one made now).')
    .addOption(new Option('--entries <n>', 'number of entries: 500k, 10M').argParser(count).makeOptionMandatory())
    .addOption(
      new Option('--key <bytes>', 'length of a key')
        .argParser(wholeNumber('bytes of a key', 1, LARGEST_KEY))
        .default(16),
    )
    .addOption(
      new Option('--value <bytes>', 'length of a value')
        .argParser(wholeNumber('bytes of a value', 0, 2 ** 24))
        .default(64),
    )
    .option('--numbers', 'values are numbers (f64); --value does not matter then')
    .addOption(new Option('--map <kind>', 'which map').choices(SAFE_KINDS).default('FastMap'))
    .addOption(
      new Option(
        '--shards <n>',
        'shards of a ShardedMap or FastMap (default: as the library, 4 per hardware thread, 8 to 64)',
      ).argParser(powerOfTwo),
    )
    .option('--run <dir>', `the run to answer from (default: ${DEFAULT_FOLDER}, if it has the memory experiment)`)
    .option('--json [file]', 'write the answer as JSON: to a file, or to standard output')
    .action(estimate)
}

function estimate(flags: Flags): void {
  const json = flags.json === undefined ? undefined : jsonTarget(flags.json)
  const { map: kind, entries, key: keyBytes, numbers = false } = flags
  const isSharded = SHARDED_KINDS.includes(kind)
  const load: Load = {
    entries,
    keyBytes,
    valueBytes: numbers ? 8 : flags.value,
    numbers,
    shards: isSharded ? (flags.shards ?? defaultShards()) : 1,
  }
  const isSmall =
    flags.run === undefined &&
    entries <= MEASURED_ENTRIES &&
    keyBytes >= SHORTEST_KEY &&
    entries * (keyBytes + load.valueBytes) <= MEASURED_BYTES
  const { totalBytes, payloadBytes, metaBytes, medianError, worstError, source } = isSmall
    ? measuredNow(kind, load)
    : predicted(kind, load, flags.run)
  const answer = {
    map: kind,
    ...load,
    totalBytes: Math.round(totalBytes),
    payloadBytes,
    metaBytes: Math.round(metaBytes),
    bytesPerEntry: totalBytes / entries,
    payloadShare: payloadBytes / totalBytes,
    fits: totalBytes <= LARGEST_MAP,
    medianError,
    worstError,
    source,
  }
  const error = isSmall
    ? `  ${source}: there is no error; entries that are deleted, replaced or of other lengths change it`
    : `  error on maps held out of the fit: median ${(100 * medianError).toFixed(1)}%, at worst ${(100 * worstError).toFixed(1)}% (${source})`
  if (json?.path !== undefined || json === undefined) {
    const needed = Math.ceil((totalBytes * (1 + worstError)) / LARGEST_MAP)
    const maxBytes = 2 ** Math.ceil(Math.log2(totalBytes * (1 + worstError)))
    const origin = flags.shards === undefined ? " (this machine's default)" : ''
    process.stdout.write(
      [
        `${kind}, ${isSharded ? `${load.shards} shards${origin}, ` : ''}${entries.toLocaleString('en-US')} entries, ${keyBytes} B keys, ${numbers ? 'numbers' : `${load.valueBytes} B values`}: about ${bytesText(totalBytes)}`,
        `  payload ${bytesText(payloadBytes)} (${(100 * answer.payloadShare).toFixed(0)}%), the rest ${bytesText(metaBytes)}; ${answer.bytesPerEntry.toFixed(1)} bytes an entry`,
        error,
        needed > 1
          ? `  A map is at most 4 GiB: split the keys over ${needed} maps.`
          : `  new ${kind}({ key: string, value: ${numbers ? 'f64' : 'string'}, ${isSharded ? `shards: ${load.shards}, ` : ''}maxBytes: ${Math.min(LARGEST_MAP, Math.max(maxBytes, 2 ** 20))} })`,
        '',
      ].join('\n'),
    )
  }
  json?.write(answer)
}

/**
 * A map of this size is filled instead of predicted, which takes no longer: in a small map whole pages and tables of the shards
 * decide, and the errors of the fit, which are of maps of all sizes, say nothing about it.
 */
const MEASURED_ENTRIES = 20_000
const MEASURED_BYTES = 200e6

interface Found extends Prediction {
  readonly medianError: number
  readonly worstError: number
  readonly source: string
}

function measuredNow(kind: MapKind, load: Load): Found {
  const { bytes: totalBytes } = measureLoad(kind, load)
  const payloadBytes = payloadOf(load)
  const source = 'measured just now, on a map that was filled with that'
  return { totalBytes, payloadBytes, metaBytes: totalBytes - payloadBytes, medianError: 0, worstError: 0, source }
}

function predicted(kind: MapKind, load: Load, run: string | undefined): Found {
  const { fit, source } = fitFor(kind, run)
  return { ...predict(fit, load), medianError: fit.medianError, worstError: fit.worstError, source }
}

function fitFor(kind: MapKind, run: string | undefined): { fit: MemoryFit; source: string } {
  const path = run ?? (existsSync(new RunFolder(DEFAULT_FOLDER).runFile) ? DEFAULT_FOLDER : undefined)
  if (path !== undefined) {
    const found = newestWith(path, 'memory')
    const record = found === undefined ? undefined : finished(found.document, 'memory')
    const fit = (record?.details as MemoryDetails | undefined)?.fits.find(found => found.kind === kind)
    if (fit !== undefined) return { fit, source: `fitted to ${fit.samples} maps in ${found?.file}` }
    if (run !== undefined)
      throw new UsageError(`${run} has no memory experiment; run "threadmap lab memory --out ${run}" first`)
  }
  const { fitted, heldOut, largest, seed } = QUICK_FIT
  const samples = randomLoads(kind, fitted, largest, seed).map(load => measureLoad(kind, load))
  const held = randomLoads(kind, heldOut, largest, seed + 1).map(load => measureLoad(kind, load))
  return { fit: judge(fitModel(kind, samples), samples.length, held), source: `fitted to ${fitted} maps just now` }
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 }

function count(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?)$/i.exec(text) ?? []
  const value = digits === undefined ? Number.NaN : Math.round(Number(digits) * UNITS[unit.toLowerCase()])
  if (value >= 1 && value <= 1e12) return value
  throw new InvalidArgumentError('Give a number of entries like 500k or 10M.')
}

function powerOfTwo(text: string): number {
  const value = Number(text)
  if (Number.isInteger(Math.log2(value)) && value >= 1 && value <= 1024) return value
  throw new InvalidArgumentError('Give a power of two from 1 to 1024.')
}
