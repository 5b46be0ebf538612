/** Histories of real worker threads that fight for a few keys, of every map and every operation, and the checker's verdict. */
import assert from 'node:assert/strict'
import type { MapKind } from 'threadmap'
import { ALL_KINDS, SAFE_KINDS } from '../../support/kinds.js'
import { until, untilSeen } from '../../support/patience.js'
import type { Random } from '../../support/random.js'
import { seeded } from '../../support/seeded.js'
import type { OperationName } from '../map-model.js'
import {
  ALL_OPERATIONS,
  COMPUTE_OPERATIONS,
  type JudgeOptions,
  judge,
  type Recording,
  type RecordOptions,
  record,
  recordAll,
} from '../record.js'
import { SABOTAGES, type Sabotage } from '../sabotage.js'

/** Few long rounds: in short ones the first client is done before the last one wakes up. */
const FIGHT = { clients: 3, keys: 2, rounds: 2, each: 1200 } as const

function assertLinearizable(kind: MapKind, options: RecordOptions, recording: Recording, judging: JudgeOptions): void {
  const { verdict, picture } = judge(recording.histories, judging)
  const how = `${kind} of ${options.values}, cache ${options.cache ?? 0}`
  assert.equal(verdict, 'linearizable', `${how}: ${verdict}\n${picture}`)
}

async function isLinearizable(
  kind: MapKind,
  options: RecordOptions,
  random: Random,
  judging: JudgeOptions = {},
): Promise<{ pending: number }> {
  let pending = 0
  let overlaps = 0
  // On a busy machine the clients may work one after the other: then nothing was tested.
  const attempt = async () => {
    const recording = await record(kind, options, random)
    assertLinearizable(kind, options, recording, judging)
    pending += recording.pending
    overlaps += recording.overlaps
    return overlaps > recording.operations / 100
  }
  await untilSeen(attempt, 'one operation in a hundred overlaps with another')
  return { pending }
}

/** All operations, on values in the entry and on values in a block, with and without a read cache. */
function everything(kind: MapKind): RecordOptions[] {
  const caches = kind === 'UnsafeMap' ? [0] : [0, 16]
  return caches.flatMap((cache): RecordOptions[] => [
    { ...FIGHT, cache, values: 'plain', operations: [...ALL_OPERATIONS, 'add', 'add', 'iterate'] },
    { ...FIGHT, cache, values: 'documents', operations: [...ALL_OPERATIONS, 'get', 'get', 'clear', 'iterate'] },
  ])
}

for (const kind of ALL_KINDS) {
  seeded(
    `${kind}: histories of all operations are linearizable, and each absent key is computed once`,
    async random => {
      const computing: RecordOptions = { ...FIGHT, each: 600, values: 'strings', operations: COMPUTE_OPERATIONS }
      const all = [...everything(kind), computing]
      const recordings = await recordAll(kind, all, random)
      for (const [index, options] of all.entries()) {
        assertLinearizable(kind, options, recordings[index]!, { exclusive: options === computing })
      }
    },
  )
}

// In these maps `clear` is one step for the whole map; so is `size` where it holds a lock that writers take.
for (const [kind, size] of [
  ['RWMutexMap', true],
  ['UnsafeMap', true],
  ['SyncMap', false],
] as const) {
  seeded(`${kind}: the map as a whole is linearizable, ${size ? 'clear and size' : 'clear'} included`, async random => {
    const operations: OperationName[] = ['get', 'set', 'set', 'delete', 'swap', 'getOrInsert', 'clear']
    if (size) operations.push('size', 'size')
    const options = {
      ...FIGHT,
      keys: 3,
      rounds: 4,
      each: 600,
      values: 'plain',
      operations,
    } as const
    await isLinearizable(kind, options, random, { whole: true })
  })
}

for (const kind of SAFE_KINDS) {
  seeded(
    `${kind}: histories in which clients die are linearizable: each died before its write or after it`,
    async random => {
      let pending = 0
      const judgeDeaths = async (values: 'plain' | 'documents') => {
        const options: RecordOptions = {
          values,
          operations: values === 'plain' ? [...ALL_OPERATIONS, 'add'] : [...ALL_OPERATIONS, 'clear'],
          clients: 4,
          keys: 2,
          rounds: 1,
          each: 20_000,
          disturb: async ({ terminate, completed }) => {
            await until(() => completed(0) > random.below(2000), 'the clients work')
            await Promise.all([terminate(0), terminate(1)])
            // The other clients go on with the map as the dead ones left it.
            const before = completed(2) + completed(3)
            await until(() => completed(2) + completed(3) > Math.min(before + 300, 39_000), 'the others go on')
          },
        }
        pending += (await isLinearizable(kind, options, random)).pending
      }
      // All four terminated clients may have been between two operations.
      const attempt = async () => {
        await judgeDeaths('plain')
        await judgeDeaths('documents')
        return pending > 0
      }
      await untilSeen(attempt, 'somebody dies in an operation')
    },
  )
}

// The proof that these tests can fail: they run on a map that is broken on purpose.
const BROKEN: Record<Sabotage, { operations: RecordOptions['operations']; exclusive?: boolean }> = {
  'add in two steps': { operations: ['add', 'get'] },
  'compareAndSwap in two steps': { operations: ['compareAndSwap', 'get', 'set'] },
  'delete in two steps': { operations: ['delete', 'set'] },
  'update in two steps': { operations: ['update', 'get'] },
  'a cache that is not validated': { operations: ['get', 'set'] },
  'a computation that nobody waits for': { operations: COMPUTE_OPERATIONS, exclusive: true },
}

for (const sabotage of SABOTAGES) {
  seeded(`a map with ${sabotage} is caught`, async random => {
    const { operations, exclusive = false } = BROKEN[sabotage]
    const options = { ...FIGHT, keys: 1, values: 'plain', operations, sabotage } as const
    // A run may miss the fault: another client came between, but its operations gave no wrong answer.
    const attempt = async () => {
      const { histories } = await record('FastMap', options, random)
      const { verdict, picture } = judge(histories, { exclusive })
      if (verdict === 'not linearizable') assert.match(picture, /Cannot be placed/)
      return verdict === 'not linearizable'
    }
    await untilSeen(attempt, 'a history of the broken map is not linearizable')
  })
}
