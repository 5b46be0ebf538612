import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { LATENCY, SHARD_COUNTERS, SHARD_GAUGES } from '#governor/seeing/metrics.js'
import { prometheus } from '#governor/seeing/prometheus.js'
import { calm, KEYS, Shown, trouble } from '../support/seen.js'

const PROMTOOL = '/usr/bin/promtool'
const skip = existsSync(PROMTOOL) ? false : 'promtool is not installed (apt-get install prometheus)'

/** The samples by their name and labels, as `name{a="b"}`. */
function samples(text: string): Map<string, number> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

test('every figure of the snapshot is there, in base units, under the name of its shard', () => {
  const read = samples(prometheus(new Shown()))
  const expected: Record<string, number> = {
    threadmap_governor_threads: 8,
    threadmap_governor_enabled: 1,
    threadmap_governor_backend_slow: 0,
    'threadmap_map_entries{map="sessions \\"eu\\""}': 120_000,
    'threadmap_map_lock_waits_total{map="sessions \\"eu\\""}': 42,
    'threadmap_map_lock_wait_seconds_total{map="sessions \\"eu\\""}': 0.014,
    threadmap_governor_objective_seconds: 0.05,
    threadmap_governor_start_time_seconds: Math.round((Date.UTC(2026, 0, 2, 12, 3, 4) - 7_384_000) / 1000),
    threadmap_governor_transitions_total: 412,
    threadmap_governor_hot_shards: 3,
    'threadmap_governor_shards{level="0"}': 61,
    'threadmap_governor_shards{level="2"}': 1,
    'threadmap_shard_operations_total{shard="17"}': 1017,
    'threadmap_shard_errors_total{shard="17"}': 2,
    'threadmap_shard_refused_total{shard="17"}': 512,
    'threadmap_shard_copies_total{shard="17"}': 8100,
    'threadmap_shard_queued_total{shard="9"}': 40,
    'threadmap_shard_degraded_total{shard="40"}': 77,
    'threadmap_shard_in_flight_operations{shard="17"}': 2,
    'threadmap_shard_level{shard="17"}': 2,
    'threadmap_shard_hot{shard="41"}': 1,
    'threadmap_shard_pinned{shard="9"}': 1,
    'threadmap_shard_window_p99_seconds{shard="17",window="10s"}': 0.912,
    'threadmap_shard_window_p99_seconds{shard="17",window="5m"}': 0.301,
    'threadmap_shard_hottest_key_ratio{shard="17"}': 0.93,
    'threadmap_shard_limit_operations_per_second{shard="9"}': 20,
    'threadmap_shard_concurrency_limit{shard="17"}': 4,
    'threadmap_shard_latency_seconds_bucket{shard="17",le="0.01"}': 406,
    'threadmap_shard_latency_seconds_bucket{shard="17",le="+Inf"}': 1017,
    'threadmap_shard_latency_seconds_count{shard="17"}': 1017,
    'threadmap_shard_latency_seconds_sum{shard="17"}': 20.34,
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(read.get(name), value, name)
  assert.ok(
    !read.has('threadmap_shard_limit_operations_per_second{shard="17"}'),
    'a shard without a limit has no limit',
  )
  assert.ok(!read.has('threadmap_shard_window_p99_seconds{shard="63",window="1m"}'), 'no operations, no P99')
})

test('no key is in it, whatever the keys are', () => {
  const text = prometheus(new Shown())
  for (const { key } of KEYS) assert.ok(!text.includes(key.slice(0, 8)), key)
  assert.deepEqual([...new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label))].sort(), [
    'le',
    'level',
    'map',
    'shard',
    'window',
  ])
})

test('two maps of one name have two series', () => {
  const [map] = trouble().maps
  const text = prometheus(
    new Shown(
      trouble({
        maps: [
          { ...map, name: 'a' },
          { ...map, name: 'a' },
          { ...map, name: 'b' },
        ],
      }),
    ),
  )
  const names = [...text.matchAll(/^threadmap_map_entries\{map="(.*)"\}/gm)].map(([, name]) => name)
  assert.deepEqual(names, ['a', 'a (2)', 'b'])
})

test('the histogram is one, also while other threads count', () => {
  class Racing extends Shown {
    override latency() {
      return {
        buckets: [
          { le: 0.1, count: 5 },
          { le: 1, count: 12 },
        ],
        sum: 3,
        count: 11,
      }
    }
  }
  const read = samples(prometheus(new Racing(calm(1))))
  assert.equal(read.get('threadmap_shard_latency_seconds_bucket{shard="0",le="+Inf"}'), 12)
  assert.equal(read.get('threadmap_shard_latency_seconds_count{shard="0"}'), 12)
})

test('with more than 256 shards the series are those of all shards together', () => {
  const text = prometheus(new Shown(calm(257)))
  assert.ok(!text.includes('shard="'))
  const read = samples(text)
  assert.equal(read.get('threadmap_shard_operations_total'), 66_000)
  assert.equal(read.get('threadmap_shard_latency_seconds_count'), 66_000)
  assert.equal(read.get('threadmap_governor_shards{level="0"}'), 257)
  assert.ok(text.length < 6000)
  assert.ok(prometheus(new Shown(calm(256))).includes('threadmap_shard_operations_total{shard="255"}'))
  assert.ok(prometheus(new Shown(calm(257)), { perShard: true }).includes('threadmap_shard_level{shard="256"} 0'))
  assert.ok(!prometheus(new Shown(calm(4)), { perShard: false }).includes('shard="'))
})

test('each family is described once, before its samples', () => {
  const lines = prometheus(new Shown()).split('\n')
  const described = new Set<string>()
  let current = ''
  for (const line of lines.filter(text => text !== '')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line)
    if (type !== null) {
      assert.ok(!described.has(type[1]), `${type[1]} twice`)
      described.add(type[1])
      current = type[1]
    } else if (!line.startsWith('#')) {
      const name = line.match(/^\w+/)?.[0] ?? ''
      assert.ok(
        [current, `${current}_bucket`, `${current}_sum`, `${current}_count`].includes(name),
        `${name} is in ${current}`,
      )
    }
  }
  for (const { name } of [...SHARD_COUNTERS, ...SHARD_GAUGES, LATENCY]) assert.ok(described.has(name), name)
})

test('promtool has nothing to say', { skip }, () => {
  for (const snapshot of [trouble(), calm(), calm(300)]) {
    const { status, stdout, stderr } = spawnSync(PROMTOOL, ['check', 'metrics'], {
      input: prometheus(new Shown(snapshot)),
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.equal(`${stdout}${stderr}`, '')
    assert.equal(status, 0)
  }
})
