import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Context } from '@threadmap/workbench/experiment'
import { SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { LMDB, MESSAGES, PRIVATE, SHAREDMAP, sharedSubject } from '@threadmap/workbench/subjects/subject'
import { allowedProcessors, pin, processorList } from '@threadmap/workbench/threads/affinity'
import { userKeys, type Workload } from '@threadmap/workbench/workload'
import { type HashName, hash, type MapKind } from 'threadmap'
import { Histogram } from 'threadmap/histogram'
import { recommended, type Tried } from '#lab/experiments/backoff/index.js'
import { promotionFacts } from '#lab/experiments/gc/sync-map.js'
import { avalanche, balance, collisions32 } from '#lab/experiments/hash/quality.js'
import { sharesOf } from '#lab/experiments/lifetime/index.js'
import { errorOf, fitModel } from '#lab/experiments/memory/model.js'
import { measureLoad, randomLoads } from '#lab/experiments/memory/samples.js'
import { mixCells } from '#lab/experiments/mix/cells.js'
import { outcomeOf as mixOutcome, ranking } from '#lab/experiments/mix/index.js'
import { runWorkloads } from '#lab/experiments/mix/measure.js'
import { noticed, type RaceRound } from '#lab/experiments/race/index.js'
import { memoryNodes } from '#lab/experiments/shards/nodes.js'
import { remoteAccess, remoteBelief } from '#lab/experiments/shards/remote.js'
import { outcomeOf as sharingOutcome } from '#lab/experiments/sharing/index.js'
import { countsIn } from '#lab/experiments/sharing/perf.js'
import { folder } from '../../support/command.js'

const UNINTERRUPTED = new AbortController().signal

test('sharing: a penalty beyond the noise confirms the belief, noise does not', () => {
  const rounds = (rates: number[]) => rates.map(rate => ({ rate, misses: undefined }))
  const placements = (line: number[], far: number[]) =>
    new Map([
      ['the same word', rounds(line)],
      ['the same line', rounds(line)],
      ['64 bytes apart', rounds(far)],
      ['128 bytes apart', rounds(far)],
      ['256 bytes apart', rounds(far)],
      ['alone', rounds(far)],
    ])
  const clear = sharingOutcome(placements([20, 21, 20, 19], [100, 99, 101, 100]))
  assert.equal(clear.beliefs[0].verdict, 'holds')
  assert.match(clear.findings[0], /5\.0x as slow/)
  const penalty = clear.evidence.find(row => row.metric === 'penalty' && row.workload === 'the same line')
  assert.ok(Math.abs((penalty?.value ?? 0) - 5) < 0.3)
  assert.equal(sharingOutcome(placements([20, 210, 50, 190], [100, 99, 101, 100])).beliefs[0].verdict, 'cannot tell')
})

test('sharing: counts come from the lines of perf, and nothing where it does not count', () => {
  assert.deepEqual(countsIn('1000,,L1-dcache-loads,1,100.00,,\n25,,L1-dcache-load-misses,1,100.00,,\n'), {
    share: 0.025,
  })
  assert.equal(countsIn('<not supported>,,L1-dcache-loads,0,100.00,,\n'), undefined)
})

test('SyncMap promotes at the miss that reaches the length of dirty, and the next new key copies everything', () => {
  const facts = promotionFacts(500)
  assert.equal(facts.missesToPromote, facts.dirtyLength)
  assert.equal(facts.copiedByPromotion, 0)
  assert.equal(facts.copiedByNextKey, facts.entries)
})

for (const kind of SAFE_KINDS) {
  test(`memory: the model of ${kind} predicts maps that it was not fitted to within 5%`, () => {
    const fit = fitModel(
      kind,
      randomLoads(kind, 64, 4000, 1).map(load => measureLoad(kind, load)),
    )
    const worst = Math.max(
      ...randomLoads(kind, 16, 4000, 2).map(load => Math.abs(errorOf(fit, measureLoad(kind, load)))),
    )
    assert.ok(worst <= 0.05, `the worst error is ${(worst * 100).toFixed(1)}%`)
  })
}

test('race: the belief holds where nearly all runs are caught; where threads never met, nobody can tell', () => {
  const round = (caught: boolean, lost: number): RaceRound => ({
    caught,
    message: 'x',
    ms: caught ? 0.2 : Number.NaN,
    lost,
  })
  const list = (caught: number, lost: number) => Array.from({ length: 10 }, (_, i) => round(i < caught, lost))
  assert.equal(noticed(list(10, 0), list(0, 50)).verdict, 'holds')
  assert.equal(noticed(list(3, 0), list(0, 50)).verdict, 'does not hold')
  assert.equal(noticed(list(3, 0), list(0, 0)).verdict, 'cannot tell')
})

test('hash: balance, collisions and avalanche tell a bad function from a good one', () => {
  const keys = userKeys(4096)
  const encoded = keys.map(key => Buffer.from(key))
  const lengths = encoded.map(bytes => BigInt(bytes.length + bytes[10]))
  assert.ok(balance(lengths, 64).deviation > 100)
  for (const name of ['fnv1a', 'xxhash32', 'xxhash64', 'default'] satisfies HashName[]) {
    const good = balance(
      encoded.map(bytes => hash(name, bytes)),
      64,
    )
    assert.ok(Math.abs(good.deviation) < 5, `${name}: ${good.deviation}`)
    assert.ok(good.longest > good.mean && good.longest < good.mean * 2)
  }
  assert.equal(
    balance(
      encoded.map(bytes => hash('default', bytes)),
      2 ** 18,
    ).mean,
    4096 / 2 ** 18,
  )
  assert.deepEqual(collisions32([1n, 1n, 1n, 2n ** 32n + 1n, 5n]).found, 6)
  assert.ok(Math.abs(collisions32(new Array(65_536).fill(0n).map((_, i) => BigInt(i))).expected - 0.5) < 0.01)
  const samples = encoded.slice(0, 64)
  const sum = avalanche(bytes => bytes.reduce((total, byte) => total + BigInt(byte), 0n), samples, 32, 64)
  const mixed = avalanche(bytes => hash('xxhash64', bytes), samples, 64, 64)
  assert.ok(sum.mean < 0.2 && sum.worstBias > 0.99, JSON.stringify(sum))
  assert.ok(Math.abs(mixed.mean - 0.5) < 0.02 && mixed.worstBias < 0.7, JSON.stringify(mixed))
})

test('backoff: of settings that cannot be told apart, the one that spins least is recommended', () => {
  const tried = (maxRetries: number, rates: number[], spins: number): Tried => ({
    contention: 'high',
    setting: { initialDelay: 100, maxRetries },
    rounds: rates.map(rate => ({ rate, p99: 1, spinsPerOperation: spins, sleepsPerOperation: 0 })),
  })
  const found = recommended([tried(0, [5, 5, 5], 0), tried(2, [12, 10, 9], 1), tried(6, [11, 10, 11], 3)])
  assert.equal(found.best.setting.maxRetries, 6)
  assert.equal(found.choice.setting.maxRetries, 2)
})

test('shards: lists of processors', () => {
  assert.deepEqual(processorList('0-2,5\n'), [0, 1, 2, 5])
  assert.deepEqual(processorList('\n'), [])
})

const processors = allowedProcessors()
const CANNOT_PIN =
  processors.length < 2
    ? 'fewer than two processors'
    : spawnSync('taskset', ['--version']).status === 0
      ? false
      : 'there is no taskset'

test('shards: the processors of each memory node that this program may use', { skip: CANNOT_PIN }, t => {
  const root = folder(t)
  const lists = { node0: `${processors[0]}\n`, node1: '\n', node2: `${processors[1]},4000-4002\n`, possible: '0-2\n' }
  for (const [name, list] of Object.entries(lists)) {
    mkdirSync(join(root, name))
    writeFileSync(join(root, name, 'cpulist'), list)
  }
  assert.deepEqual(memoryNodes(root), [[processors[0]], [processors[1]]])
  assert.deepEqual(memoryNodes(join(root, 'none')), [[]])
})

test('shards: a map is used by threads bound to one node and to the other', { skip: CANNOT_PIN }, async () => {
  assert.ok(pin([processors[1]]))
  assert.deepEqual(allowedProcessors(), [processors[1]])
  assert.ok(pin(processors))
  // Two processors serve as two nodes. The threads move as they would; the memory is equally near to both.
  const context = { seed: 1, signal: UNINTERRUPTED } as Context
  const workload = { keys: 4096, reads: 50, zipf: 0, valueBytes: 8, churn: 0, threads: 4 }
  const options = { kind: 'FastMap', shards: [8, 64], rounds: 3, ms: 20, workload, onRound: () => {} } as const
  const found = await remoteAccess(context, [[processors[0]], [processors[1]]], options)
  assert.deepEqual(
    found?.map(({ shards, threads }) => [shards, threads]),
    [
      [8, 1],
      [64, 1],
    ],
  )
  for (const { local, remote } of found ?? []) {
    assert.ok([...local, ...remote].every(time => time > 5 && time < 1e6) && local.length === 3 && remote.length === 3)
  }
  assert.deepEqual(allowedProcessors(), processors, 'this thread is back where it was')
})

test('shards: remote memory that is nearer with finer shards confirms the belief, and only that', () => {
  const remote = (shards: number, local: number, away: number) => {
    const rounds = (time: number) => [time, time * 1.01, time * 0.99]
    return { kind: 'FastMap', shards, threads: 2, local: rounds(local), remote: rounds(away) } as const
  }
  const believed = remoteBelief([remote(8, 68, 218), remote(64, 68, 176), remote(256, 72, 152)])
  assert.equal(believed.verdict, 'holds')
  assert.match(believed.measured, /8 shards 218 ns, 1:3\.21;.*256 shards 152 ns, 1:2\.11/)
  assert.equal(remoteBelief([remote(8, 68, 152), remote(256, 68, 152)]).verdict, 'does not hold')
  assert.equal(remoteBelief([remote(8, 400, 218), remote(256, 72, 152)]).verdict, 'does not hold', 'the ratio rises')
})

test('lifetime: shares by how long objects were in use', () => {
  const used = { request: new Histogram(), result: new Histogram(), configuration: new Histogram() }
  for (let i = 0; i < 6; i++) used.request.record(1e6)
  for (let i = 0; i < 3; i++) used.result.record(1e9)
  used.configuration.record(1e10)
  for (const [at, share] of sharesOf(used, 1).entries()) assert.ok(Math.abs(share - [60, 30, 10][at]) < 0.01)
})

test('mix: cells cover every level of every factor, some are held out, the seed decides', () => {
  const cells = mixCells(24, 2, 1)
  const levels = (of: (workload: Workload) => number) => new Set(cells.map(({ workload }) => of(workload))).size
  assert.deepEqual(
    [
      levels(w => w.reads),
      levels(w => w.keys),
      levels(w => w.zipf),
      levels(w => w.valueBytes),
      levels(w => w.churn),
      levels(w => w.threads),
    ],
    [4, 3, 2, 3, 2, 2],
  )
  const held = cells.filter(({ heldOut }) => heldOut).length
  assert.ok(held >= 4 && held <= 6)
  assert.deepEqual(mixCells(24, 2, 1), cells)
  assert.notDeepEqual(mixCells(24, 2, 2), cells)
})

test('mix: what lies within the noise of the best is named with it, plain Maps are not candidates', () => {
  const found = ranking([
    { name: 'FastMap', rounds: [10, 11, 10] },
    { name: 'ShardedMap', rounds: [11, 10, 9.9] },
    { name: 'RWMutexMap', rounds: [2, 2, 2] },
    { name: PRIVATE.name, rounds: [90, 90, 90] },
  ])
  assert.equal(found?.best.name, 'FastMap')
  assert.deepEqual(
    found?.tied.map(({ name }) => name),
    ['ShardedMap'],
  )
})

test('mix: every subject does a workload with churn, a peer that is missing is left out by name', async () => {
  const workload: Workload = { keys: 500, reads: 50, zipf: 0.99, threads: 2, valueBytes: 64, churn: 50 }
  const subjects = [...SAFE_KINDS.map(sharedSubject), PRIVATE, MESSAGES, SHAREDMAP, LMDB]
  const left: string[] = []
  const found = await runWorkloads([workload, { ...workload, valueBytes: 8, churn: 0 }], {
    threads: 2,
    subjects,
    rounds: 2,
    ms: 5,
    seed: 1,
    signal: UNINTERRUPTED,
    onLeftOut: (name, why) => left.push(`${name}: ${why}`),
  })
  assert.equal(found.length, 2)
  for (const row of found) {
    for (const name of [...SAFE_KINDS, PRIVATE.name, MESSAGES.name]) {
      const rounds = row.find(subject => subject.name === name)?.rounds
      assert.ok(rounds?.length === 2 && rounds.every(rate => rate > 0), `${name}: ${rounds}`)
    }
  }
  for (const peer of [SHAREDMAP, LMDB]) {
    assert.ok(
      found[0].some(({ name }) => name === peer.name) ||
        left.some(text => text.startsWith(`${peer.name}: it is not installed`)),
      peer.name,
    )
  }
  const outcome = mixOutcome(found.map(row => ({ workload, heldOut: false, subjects: row })))
  assert.equal(outcome.charts.length, 1)
  assert.equal(
    outcome.evidence.length,
    found.reduce((sum, row) => sum + row.length, 0),
  )
})

test('mix: a deadline ends after the workload under way', async () => {
  const workload: Workload = { keys: 16, reads: 50, zipf: 0, threads: 1, valueBytes: 8, churn: 0 }
  const found = await runWorkloads([workload, workload, workload], {
    threads: 1,
    subjects: [sharedSubject('FastMap' satisfies MapKind)],
    rounds: 1,
    ms: 1,
    seed: 1,
    deadline: 0,
    signal: UNINTERRUPTED,
  })
  assert.equal(found.length, 1)
})
