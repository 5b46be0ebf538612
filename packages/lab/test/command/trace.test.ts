import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { readTraces, record, stopRecording, UsageError } from '@threadmap/lab'
import { MAP_KINDS, SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { AGAIN_NAME } from '@threadmap/workbench/subjects/subject'
import { FastMap, f64, SyncMap, string } from 'threadmap'
import { readWorkload } from '#lab/advice/workload.js'
import { planOf, Step, workloadOf } from '#lab/trace/plan.js'
import { replay } from '#lab/trace/replay.js'
import { folder, threadmap } from '../support/command.js'

test('a recorded map does what it did, and the trace tells what was done with it', t => {
  const file = join(folder(t), 'trace.json')
  const map = record(new Map<string, number>(), file, { every: 1 })
  assert.ok(map instanceof Map)
  assert.equal(map.set('a', 1), map)
  for (let i = 0; i < 99; i++) assert.equal(map.get('a'), 1)
  assert.equal(map.get('absent'), undefined)
  assert.equal(map.has('a'), true)
  assert.equal(map.delete('absent'), false)
  assert.deepEqual([...map], [['a', 1]])
  assert.equal(map.delete('a'), true)
  stopRecording(map)
  assert.deepEqual(Object.getOwnPropertyNames(map), [], 'its methods are its own again')
  map.set('later', 1)
  const [trace] = readTraces(file)
  assert.equal(trace.ops, `U${'g'.repeat(99)}GhDd`)
  assert.equal(trace.operations, 104)
  assert.equal(new Set(trace.ids).size, 2)
  assert.deepEqual([trace.map, trace.thread, trace.iterations, trace.entries.most], ['Map', 0, 1, 1])
  assert.doesNotMatch(readFileSync(file, 'utf8'), /absent/, 'no key is written')
})

test('one operation in 64 is kept, wherever a loop has them, and all are counted', t => {
  const file = join(folder(t), 'trace.json')
  const map = record(new FastMap({ key: string, value: f64 }), file)
  const operations = 640_000
  // The loop repeats after 64 operations: a recorder that kept exactly every 64th would see only one of them.
  for (let i = 0; i < operations; i++) {
    if (i % 64 === 0) map.add(`key ${i % 3}`, 1)
    else map.get(`key ${i % 5}`)
  }
  stopRecording(map)
  const [trace] = readTraces(file)
  assert.equal(trace.operations, operations)
  assert.ok(Math.abs(trace.ops.length / (operations / 64) - 1) < 0.05, `${trace.ops.length} kept`)
  const added = trace.ops.replaceAll(/[^aA]/g, '').length
  assert.ok(added > 90 && added < 250, `${added} of about 156 additions`)
  assert.ok(map.get('key 0') === Math.ceil(operations / 64 / 3), 'none was lost or done twice')
})

test('a full memory keeps every second operation of all it has seen', t => {
  const file = join(folder(t), 'trace.json')
  const map = record(new Map<number, number>(), file, { every: 1, most: 1024 })
  for (let i = 0; i < 10_000; i++) map.set(i, i)
  stopRecording(map)
  const [trace] = readTraces(file)
  assert.ok(trace.ops.length >= 512 && trace.ops.length <= 1024, `${trace.ops.length}`)
  assert.ok(trace.every >= 8 && trace.every <= 32, `one in ${trace.every}`)
  assert.equal(trace.operations, 10_000)
})

test('threads that share a map record a file each, and a replay has as many threads', async t => {
  const file = join(folder(t), 'trace.json')
  const map = new SyncMap({ key: string, value: f64 })
  t.after(() => map[Symbol.dispose]())
  const worker = new Worker(new URL('../support/record-worker.js', import.meta.url), {
    workerData: { handle: map.handle, file },
  })
  record(map, file, { every: 1 })
  for (let i = 0; i < 500; i++) map.set(`main ${i % 7}`, i)
  await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  stopRecording(map)
  writeFileSync(`${file}.999`, readFileSync(file, 'utf8').replace(/"pid":\d+/, '"pid":0'))
  utimesSync(`${file}.999`, 1, 1)
  const traces = readTraces(file)
  assert.equal(traces.length, 2, 'the one of an earlier process is left alone')
  assert.equal(planOf(traces, 1).threads, 2)
  const workload = workloadOf(traces)
  assert.equal(workload.threads, 2)
  assert.ok(Math.abs(workload.reads - 50) < 5, `${workload.reads}% reads`)
})

test("the share of reads is the program's own: a delete that finds nothing is a write", t => {
  const file = join(folder(t), 'trace.json')
  const map = record(new Map<string, number>(), file, { every: 1 })
  map.set('key 0', 0)
  for (let i = 0; i < 10_000; i++) {
    if (i % 10 < 8) map.get(`key ${i % 100}`)
    else if (i % 10 === 8) map.set(`key ${i % 100}`, i)
    else map.delete(`other ${i}`)
  }
  stopRecording(map)
  const { reads, churn } = workloadOf(readTraces(file))
  assert.equal(reads, 80)
  assert.ok(churn >= 50, `${churn}% of the writes insert or delete`)
})

test('a plan repeats what was seen: hot keys stay hot, rare ones take turns, what comes goes again', t => {
  const file = join(folder(t), 'trace.json')
  const map = record(new Map<string, string>(), file, { every: 1 })
  for (let i = 0; i < 5000; i++) map.set(`key ${i}`, 'x'.repeat(100))
  for (let i = 0; i < 20_000; i++) map.get(i % 2 === 0 ? 'key 1' : `key ${((i >> 1) * 7919) % 5000}`)
  stopRecording(map)
  const traces = readTraces(file)
  const plan = planOf(traces, 1)
  assert.equal(plan.entries, 5000)
  assert.deepEqual([plan.keyType, plan.valueType, plan.valueBytes[4]], ['string', 'string', 100])
  const [list] = plan.operations
  const gets = list.filter(operation => (operation & 15) === Step.get)
  const counts = new Map<number, number>()
  for (const operation of gets) counts.set(operation >>> 4, (counts.get(operation >>> 4) ?? 0) + 1)
  const share = Math.max(...counts.values()) / gets.length
  assert.ok(Math.abs(share - 0.5) < 0.02, `${share} of the reads go to the hot key`)
  assert.ok(counts.size > 4000, `${counts.size} of 5000 keys are read`)
  assert.ok(list.some(operation => (operation & 15) === Step.insert))
})

test('each kind of operation is replayed as what it was, on every map', async t => {
  const file = join(folder(t), 'trace.json')
  const map = record(new FastMap({ key: string, value: f64 }), file, { every: 1 })
  t.after(() => map[Symbol.dispose]())
  for (let i = 0; i < 1000; i++) {
    const key = `key ${i % 10}`
    map.add(key, 1)
    map.update(key, value => (value ?? 0) + 1)
    map.swap(key, i)
    map.getOrInsert(key, 0)
    map.has(key)
  }
  stopRecording(map)
  const traces = readTraces(file)
  assert.equal(traces[0].ops.slice(-5), 'apmoh')
  assert.equal(traces[0].ops[0], 'A')
  const plan = planOf(traces, 1)
  const steps = new Set(plan.operations[0].map(operation => operation & 15))
  assert.deepEqual(steps, new Set([Step.add, Step.update, Step.readWrite, Step.getOrInsert, Step.has, Step.insert]))
  const found = await replay(plan, { rounds: 1, ms: 10, signal: new AbortController().signal })
  assert.equal(found.length, MAP_KINDS.length + 2)
  assert.ok(found.every(({ rounds }) => rounds[0] > 0))
  const text = planOf([{ ...traces[0], values: { type: 'string', bytes: [5] } }], 1)
  assert.ok(!text.operations[0].some(operation => (operation & 15) === Step.add), 'text cannot be added to')
})

test('advise replays a trace against every map and answers with figures and a line of code', async t => {
  const root = folder(t)
  const file = join(root, 'trace.json')
  const map = record(new Map<string, number>(), file, { every: 1 })
  for (let i = 0; i < 3000; i++) {
    map.set(`user:${i % 300}`, i)
    map.get(`user:${(i * 7) % 300}`)
    if (i % 50 === 0) map.delete(`user:${i % 300}`)
  }
  stopRecording(map)
  const out = join(root, 'answer.json')
  const flags = ['--trace', file, '--rounds', '3', '--ms', '4', '--json', out]
  const { code, stdout, stderr } = await threadmap(['advise', ...flags])
  assert.equal(code, 0, stderr)
  const answer = JSON.parse(readFileSync(out, 'utf8'))
  assert.equal(answer.from, 'trace')
  assert.ok(answer.rate > 0)
  assert.equal(typeof answer.control.ties, 'boolean')
  const others = answer.otherwise.map(({ name }: { name: string }) => name)
  assert.deepEqual([answer.choice, ...others].sort(), [...MAP_KINDS, 'plain Map'].sort())
  assert.ok(answer.otherwise.every(({ rate }: { rate: number }) => rate > 0))
  assert.match(
    stdout,
    answer.choice === 'plain Map' ? /const map = new Map\(\)/ : /key: string, value: f64, capacity: \d+ /,
  )
  assert.match(stdout, /What would change the answer/)
  assert.match(
    stdout,
    /Choosing otherwise would take\n {2}[\w ]+ +[\d.]+x as long \(95%: [\d.]+x to [\d.]+x\) +[\d.]+ M operations/,
  )
})

test('a replay by several threads finds all it should in every safe map', async t => {
  const file = join(folder(t), 'trace.json')
  const map = record(new Map<number, object>(), file, { every: 1 })
  for (let i = 0; i < 3000; i++) {
    map.set(i % 500, { at: i })
    map.get((i * 7) % 700)
    map.has(i % 3)
    if (i % 10 === 0) map.delete(i % 500)
  }
  stopRecording(map)
  const plan = planOf(readTraces(file), 1, 2)
  assert.deepEqual([plan.threads, plan.keyType, plan.valueType], [2, 'number', 'json'])
  const found = await replay(plan, { rounds: 2, ms: 5, signal: new AbortController().signal })
  assert.deepEqual(
    found.map(({ name }) => name),
    [...SAFE_KINDS, AGAIN_NAME, 'plain Map per thread'],
  )
  assert.ok(found.every(({ rounds }) => rounds.length === 2 && rounds.every(rate => rate > 0)))
  await assert.rejects(replay(plan, { rounds: 1, ms: 1, signal: AbortSignal.abort(new Error('stop')) }), /stop/)
})

test('what is no trace or workload is refused in one line, with code 2, and nothing is written', async t => {
  const good = {
    format: 'threadmap-trace',
    version: 1,
    pid: 1,
    thread: 0,
    startedAt: '',
    map: 'Map',
    every: 64,
    operations: 1,
    seconds: 1,
    entries: { last: 1, most: 1 },
    keys: { type: 'string', lengths: [3] },
    values: { type: 'number', bytes: [8] },
    iterations: 0,
    clears: 0,
    ops: 'g'.repeat(100),
    ids: Array.from({ length: 100 }, () => 1),
  }
  const root = folder(t, {
    'half.json': JSON.stringify(good).slice(0, 200),
    'foreign.json': '{"traceEvents": []}',
    'version.json': JSON.stringify({ ...good, version: 2 }),
    'letters.json': JSON.stringify({ ...good, ops: `x${'g'.repeat(99)}` }),
    'ids.json': JSON.stringify({ ...good, ids: [1] }),
    'huge.json': JSON.stringify({ ...good, keys: { type: 'string', lengths: [1e300] } }),
    'short.json': JSON.stringify({ ...good, ops: 'g', ids: [1] }),
    'binary.json': new Uint8Array([0, 255, 1, 254]),
    'good.json': JSON.stringify(good),
    'workload.json': '{"reads": 200}',
    'unknown.json': '{"readz": 90}',
    'list.json': '[]',
    'empty/run.json': '{}',
  })
  const at = (name: string) => join(root, name)
  const traces: [string, RegExp][] = [
    ['nowhere/none.json', /cannot read .*ENOENT/],
    ['binary.json', /binary\.json is not JSON/],
    ['foreign.json', /no trace that this lab reads: it has no format/],
    ['version.json', /version 2 is not 1/],
    ['letters.json', /unknown operation "x"/],
    ['ids.json', /ids has not one number for each/],
    ['huge.json', /keys has no type and lengths/],
    ['short.json', /only 1 operations.*every: 1/],
  ]
  for (const [name, expected] of traces) {
    assert.throws(
      () => readTraces(at(name)),
      (error: unknown) => error instanceof UsageError && expected.test(error.message),
      name,
    )
  }
  const workloads: [string, RegExp][] = [
    ['none.json', /cannot read .*\{"reads": 95/],
    ['unknown.json', /unknown field "readz"; it may have keys, reads/],
    ['list.json', /no JSON object/],
    ['half.json', /is not JSON/],
  ]
  for (const [name, expected] of workloads) assert.throws(() => readWorkload(at(name)), expected, name)
  const commands: [string[], RegExp][] = [
    [['--trace', at('none.json')], /cannot read .*none\.json \(ENOENT\); give the file that record/],
    [['--trace', root], /cannot read .*EISDIR/],
    [['--trace', at('half.json')], /half\.json is not JSON/],
    [['--trace', at('good.json'), '--reads', '5'], /leave out --reads/],
    [['--trace', at('good.json'), '--json', at('missing/x.json')], /cannot write .*ENOENT/],
    [['--workload', at('workload.json')], /reads is 200; give a number from 0 to 100/],
    [['--threads', '0'], /whole number from 1 to 240/],
    [['--reads', '90', '--run', at('empty')], /is no run of the lab/],
  ]
  const before = readdirSync(root)
  await Promise.all(
    commands.map(async ([args, expected]) => {
      const { code, stdout, stderr } = await threadmap(['advise', ...args], { cwd: root })
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
      assert.equal(stdout, '', args.join(' '))
      assert.match(stderr, expected)
      assert.equal(stderr.trim().split('\n').length, 1, stderr)
    }),
  )
  assert.deepEqual(readdirSync(root), before)
})

test('an operation that fails is not kept, and a map that is gone does not spoil the trace', t => {
  const file = join(folder(t), 'trace.json')
  const map = record(new FastMap({ key: string, value: f64 }), file, { every: 1 })
  for (let i = 0; i < 150; i++) map.set(`key ${i % 3}`, i)
  assert.throws(() => map.set(5 as unknown as string, 1))
  assert.throws(() => map.get(5 as unknown as string))
  map[Symbol.dispose]()
  stopRecording(map)
  const [trace] = readTraces(file)
  assert.equal(trace.ops, `UUU${'u'.repeat(147)}`)
  assert.equal(trace.entries.last, 3)
})

test('record refuses what it cannot do, before anything is recorded', t => {
  const root = folder(t)
  const map = new Map()
  assert.throws(() => record(map, join(root, 'no', 'trace.json')), UsageError)
  assert.throws(() => record(map, join(root, 'trace.json'), { every: 0 }), /every is 0/)
  assert.deepEqual(Object.getOwnPropertyNames(map), [])
  record(map, join(root, 'trace.json'))
  assert.throws(() => record(map, join(root, 'other.json')), /already recorded/)
  assert.throws(() => record(new Map(), join(root, 'trace.json')), /another map is recorded/)
  stopRecording(map)
  assert.ok(!existsSync(join(root, 'other.json')))
  const frozen = Object.freeze(new Map())
  assert.throws(() => record(frozen, join(root, 'frozen.json')), /frozen or sealed/)
  assert.ok(!existsSync(join(root, 'frozen.json')))
})

test('a map gets back what it had: its class, and methods of its own', t => {
  const root = folder(t)
  class Counted extends Map<string, number> {
    gets = 0
    override get = (key: string) => {
      this.gets++
      return super.get(key)
    }
  }
  const map = new Counted([['a', 1]])
  const { get } = map
  record(map, join(root, 'trace.json'), { every: 1 })
  assert.ok(map instanceof Counted)
  for (let i = 0; i < 30; i++) {
    assert.equal(map.get('a'), 1)
    assert.equal(map.has('b'), false)
    assert.equal(map.set('b', 2), map)
    assert.equal(map.delete('b'), true)
  }
  assert.equal(map.size, 1)
  stopRecording(map)
  assert.equal(map.get, get)
  assert.equal(Object.getPrototypeOf(map), Counted.prototype)
  assert.ok(map.gets >= 30)
  const [trace] = readTraces(join(root, 'trace.json'))
  assert.equal(trace.operations, 120)
  assert.equal(trace.ops, 'gHUd'.repeat(30))
  assert.equal(trace.map, 'Counted')
})

test('recording costs little', t => {
  const root = folder(t)
  const keys = Array.from({ length: 4096 }, (_, i) => Buffer.from(`user:${100_000 + i}`).toString('latin1'))
  const time = (work: () => void) => {
    const began = performance.now()
    work()
    return performance.now() - began
  }
  // Each map gets a function of its own, so that none is compiled for two kinds of calls.
  const loop = 'let sum = 0; for (let i = 0; i < 32768; i++) sum += map.get(keys[(i * 2039) & 4095]); return sum'
  const measure = (name: string, make: () => Map<string, number> | FastMap<string, number>) => {
    const [bare, recorded] = [make(), make()]
    for (const map of [bare, recorded]) for (const [i, key] of keys.entries()) map.set(key, i)
    record(recorded, join(root, `${name}.json`))
    const [runBare, runRecorded] = [new Function('map', 'keys', loop), new Function('map', 'keys', loop)]
    const ratios: number[] = []
    for (let round = 0; round < 60; round++) {
      const plain = time(() => runBare(bare, keys))
      ratios.push(time(() => runRecorded(recorded, keys)) / plain)
    }
    stopRecording(recorded)
    const median = ratios.slice(10).sort((a, b) => a - b)[25]
    t.diagnostic(`reads of a recorded ${name} took ${median.toFixed(3)} times as long`)
    return median
  }
  // The limit holds on a busy machine, for the cheapest operation. A Proxy takes five times as long, keeping every operation ten times.
  assert.ok(measure('Map', () => new Map()) < 3)
  assert.ok(measure('FastMap', () => new FastMap({ key: string, value: f64 })) < 3)
})

test('values may be objects, which maps store with json() and messages copy', async t => {
  const out = join(folder(t), 'answer.json')
  const flags = ['--keys', '50', '--ms', '4', '--blocks', '1', '--rounds', '1', '--no-variants', '--json', out]
  const { code, stdout, stderr } = await threadmap(['advise', '--measure', '--value-type', 'objects', ...flags])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /objects of 200 B/)
  // Which of them is the fastest is for the machine to say: a map is shown with its codec, message passing with a plain Map.
  assert.match(stdout, /value: json\(\)|new Map\(\) \/\/ in one worker/)
  const { subjects, changes } = JSON.parse(readFileSync(out, 'utf8'))
  for (const name of ['FastMap', 'message passing']) {
    assert.ok(subjects.find((each: { name: string }) => each.name === name).rounds[0] > 0, name)
  }
  assert.deepEqual(changes, [])
  assert.doesNotMatch(stdout, /What would change the answer: nothing/)
  const refused = await threadmap(['advise', '--measure', '--value-type', 'pictures'])
  assert.equal(refused.code, 2)
})
