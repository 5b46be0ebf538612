import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { build } from 'hdr-histogram-js'
import { AttachError, Histogram, MapFullError, OptionError } from 'threadmap/histogram'
import type { Recording } from '../programs/recording.js'
import { Random } from '../support/random.js'

function options(message: RegExp): (error: unknown) => boolean {
  return error => error instanceof OptionError && message.test(error.message)
}

test('percentiles, mean and shares agree with HdrHistogram within the stated error, from nanoseconds to minutes', () => {
  for (const subBuckets of [16, 64, 1024]) {
    const ours = new Histogram({ subBuckets })
    const theirs = build({ numberOfSignificantValueDigits: 5, highestTrackableValue: 2 ** 42 })
    const random = Random.of('percentiles')
    for (let i = 0; i < 50_000; i++) {
      const value = Math.floor(10 ** ((random.next() / 2 ** 32) * 11))
      ours.record(value)
      theirs.recordValue(value)
    }
    // hdr-histogram-js is off by a hundred-thousandth.
    const allowed = ours.relativeError + 2e-5
    for (const percent of [0, 0.1, 1, 25, 50, 90, 99, 99.9, 100]) {
      const expected = theirs.getValueAtPercentile(percent)
      const got = ours.percentile(percent)
      assert.ok(Math.abs(got - expected) <= expected * allowed, `P${percent} of ${subBuckets}: ${got} for ${expected}`)
    }
    assert.ok(Math.abs(ours.mean / theirs.mean - 1) <= allowed)
    assert.ok(Math.abs(ours.shareBelow(theirs.getValueAtPercentile(30)) - 0.3) < 0.01)
    assert.equal(ours.count, 50_000)
  }
})

test('every value lies in its bucket, buckets meet without a gap, and none is wider than the stated error allows', () => {
  for (const subBuckets of [2, 64, 1024]) {
    const highest = Number.MAX_SAFE_INTEGER
    const histogram = new Histogram({ highest, subBuckets })
    const edges = Array.from({ length: 53 }, (_, bit) => 2 ** bit).flatMap(power => [power - 1, power, power + 1])
    for (const value of [0, 1, 2, 63, 64, 65, 1_000_000_007, ...edges, highest]) {
      histogram.reset()
      histogram.record(value)
      const found = [...histogram.buckets()]
      assert.equal(found.length, 1)
      const [{ low, high, count }] = found
      assert.ok(low <= value && value <= high, `${value} in ${low} to ${high}`)
      assert.equal(count, 1)
      assert.deepEqual([histogram.min, histogram.max], [low, high])
      assert.ok(Math.abs(histogram.percentile(50) - value) <= value * histogram.relativeError)
      if (low > 0) {
        histogram.record(low - 1)
        assert.equal([...histogram.buckets()][0].high, low - 1)
      }
    }
  }
})

test('what is out of range counts as the nearest value, and fractions are cut off', () => {
  const histogram = new Histogram({ highest: 1000 })
  assert.equal(histogram.highest, 1023)
  for (const value of [-5, 0.9, -0, Number.NEGATIVE_INFINITY]) histogram.record(value)
  for (const value of [1023, 1024, 1e300, Number.POSITIVE_INFINITY]) histogram.record(value)
  assert.deepEqual(
    [...histogram.buckets()].map(({ low, count }) => [low, count]),
    [
      [0, 4],
      [1016, 4],
    ],
  )
  assert.equal(histogram.max, 1023)
})

test('an empty histogram has no figures', () => {
  const histogram = new Histogram()
  assert.equal(histogram.count, 0)
  for (const figure of [histogram.min, histogram.max, histogram.mean, histogram.percentile(50)])
    assert.ok(Number.isNaN(figure))
  assert.ok(Number.isNaN(histogram.shareBelow(1)))
  assert.deepEqual([...histogram.buckets()], [])
})

test('records of many threads into the same buckets are all there', async () => {
  const histogram = new Histogram()
  const threads = 4
  const times = 200_000
  const arrived = new Int32Array(new SharedArrayBuffer(4))
  const workers = Array.from({ length: threads }, () => {
    const workerData: Recording = { handle: histogram.handle, arrived, threads, times }
    return new Worker(new URL('../programs/recording.js', import.meta.url), { workerData })
  })
  // The counts taken meanwhile and the counts left are all records, each once.
  const taken = new Histogram()
  const done = Promise.all(workers.map(worker => once(worker, 'message')))
  let running = true
  done.then(
    () => {
      running = false
    },
    () => {
      running = false
    },
  )
  while (running) {
    histogram.take(taken)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  await done
  taken.add(histogram)
  assert.equal(taken.count, threads * times)
  for (const { low, count } of taken.buckets())
    assert.ok(low >= 64 || count === (threads * times) / 100, `${low}: ${count}`)
  await Promise.all(workers.map(worker => worker.terminate()))
})

test('a thread that is terminated while it records leaves the histogram whole and usable', async () => {
  const histogram = new Histogram()
  let expected = 0
  for (let round = 0; round < 5; round++) {
    const arrived = new Int32Array(new SharedArrayBuffer(4))
    const recorded = new Int32Array(new SharedArrayBuffer(4))
    const workerData: Recording = {
      handle: histogram.handle,
      arrived,
      threads: 1,
      times: Number.POSITIVE_INFINITY,
      recorded,
    }
    const worker = new Worker(new URL('../programs/recording.js', import.meta.url), { workerData })
    while (Atomics.load(recorded, 0) < 1000) await new Promise(resolve => setTimeout(resolve, 1))
    await worker.terminate()
    // The thread may have died between the record and its count.
    const found = histogram.count - expected
    assert.ok(found === recorded[0] || found === recorded[0] + 1, `${found} records, ${recorded[0]} counted`)
    expected += found
  }
  histogram.record(1e6)
  assert.equal(histogram.count, expected + 1)
  assert.ok(histogram.max >= 1e6)
})

test('histograms add up, take leaves nothing, reset forgets', () => {
  const one = new Histogram()
  const other = new Histogram()
  one.record(5, 3)
  other.record(5)
  other.record(1e9, 1_048_576)
  assert.equal(one.add(other).count, 1_048_580)
  const taken = one.take()
  assert.deepEqual([one.count, taken.count], [0, 1_048_580])
  assert.equal(taken.take(other), other)
  assert.equal(other.count, 2 * 1_048_577 + 3)
  const whole = Histogram.sum([other, other.handle])
  assert.equal(whole.count, 2 * other.count)
  assert.equal(Histogram.sum([]).count, 0)
  other.reset()
  assert.equal(other.count, 0)
})

test('a handle that was cloned, and the memory itself, lead to the same histogram', () => {
  const first = new Histogram({ highest: 1e6, subBuckets: 32 })
  for (const second of [Histogram.attach(structuredClone(first.handle)), Histogram.attach(first.handle.memory)]) {
    second.record(77)
    assert.equal(second.highest, first.highest)
    assert.equal(second.relativeError, first.relativeError)
  }
  assert.equal(first.count, 2)
})

test('several histograms stand side by side in one memory, and touch nothing beside them', () => {
  const shape = { highest: 5000, subBuckets: 16 }
  const bytes = Histogram.bytesFor(shape)
  const memory = new SharedArrayBuffer(4 + 2 * bytes + 4)
  const words = new Int32Array(memory)
  words[0] = -1
  words[words.length - 1] = -1
  const first = new Histogram({ ...shape, memory, offset: 4 })
  const second = new Histogram({ ...shape, memory, offset: 4 + bytes })
  first.record(1)
  second.record(Number.MAX_VALUE, 2)
  assert.deepEqual([first.count, second.count], [1, 2])
  assert.equal(Histogram.attach(second.handle).count, 2)
  assert.deepEqual([words[0], words[words.length - 1]], [-1, -1])
})

test('a full bucket refuses a record by name, and keeps what it has', () => {
  const histogram = new Histogram()
  const { memory } = histogram.handle
  // Instead of 2^31 records the test writes the count of the value 7 directly. The counts follow a header of 32 bytes.
  const counts = new Uint32Array(memory, 32)
  counts[7] = 2 ** 31 - 1
  histogram.record(7)
  assert.throws(
    () => histogram.record(7),
    (error: unknown) => {
      assert.ok(error instanceof MapFullError)
      assert.match(error.message, /bucket from 7 to 7 .* 2147483648 .*take\(\)/)
      return true
    },
  )
  const other = new Histogram()
  other.record(7)
  assert.throws(() => histogram.add(other), MapFullError)
  assert.equal(histogram.count, 2 ** 31)
  assert.equal(histogram.percentile(50), 7)
})

test('options and arguments out of range are refused with what was given', () => {
  assert.throws(() => new Histogram({ subBuckets: 63 }), options(/power of two from 2 to 1024, and got 63/))
  assert.throws(() => new Histogram({ subBuckets: 2048 }), options(/2048/))
  assert.throws(() => new Histogram({ highest: 63 }), options(/subBuckets \(64\).*63/))
  assert.throws(() => new Histogram({ highest: 2 ** 53 }), options(/2\^53 - 1/))
  assert.throws(() => new Histogram({ highest: Number.NaN }), options(/NaN/))
  assert.throws(() => new Histogram({ memory: new ArrayBuffer(1e5) as never }), options(/takes a SharedArrayBuffer/))
  assert.throws(() => new Histogram({ memory: new SharedArrayBuffer(100) }), options(/needs \d+ bytes .* has 100/))
  assert.throws(() => new Histogram({ offset: 3 }), options(/multiple of 4 as offset, and got 3/))
  assert.throws(() => new Histogram({ memory: new Histogram().handle.memory }), options(/in use/))
  const histogram = new Histogram()
  for (const value of [Number.NaN, '70', undefined, 7n]) {
    assert.throws(() => histogram.record(value as never), options(/takes numbers, and got/))
  }
  for (const count of [0, -1, 1.5, 2 ** 20 + 1])
    assert.throws(() => histogram.record(1, count), options(/1 to 1048576/))
  for (const percent of [-1, 100.1, Number.NaN]) assert.throws(() => histogram.percentile(percent), options(/0 to 100/))
  assert.throws(() => histogram.add(new Histogram({ subBuckets: 32 })), options(/64 and 32 buckets/))
  assert.throws(() => histogram.take(new Histogram({ highest: 1000 })), options(/same options/))
  assert.equal(histogram.count, 0)
})

test('attach refuses what is no histogram, is of another format, or is damaged', () => {
  const attach = (from: unknown) => () => Histogram.attach(from as never)
  const refused = (message: RegExp) => (error: unknown) => error instanceof AttachError && message.test(error.message)
  for (const stranger of [undefined, null, 1, {}, new ArrayBuffer(1e5), { kind: 'Histogram' }, { kind: 'Mutex' }]) {
    assert.throws(attach(stranger), refused(/takes the handle of a Histogram/))
  }
  assert.throws(attach(new SharedArrayBuffer(8)), refused(/needs 32 bytes .* has 8/))
  assert.throws(attach(new SharedArrayBuffer(1e5)), refused(/no histogram at offset 0/))
  const { handle } = new Histogram()
  assert.throws(attach({ ...handle, offset: 2 }), refused(/multiple of 4/))
  assert.throws(attach({ ...handle, offset: 4 }), refused(/no histogram at offset 4/))
  const words = new Uint32Array(handle.memory)
  words[1] = 9
  assert.throws(attach(handle), refused(/format 9, and this version of threadmap reads 1/))
  words[1] = 1
  for (const [subBits, bits] of [
    [0, 42],
    [6, 6],
    [6, 54],
    [10, 42],
    [2 ** 31, 2 ** 31],
  ]) {
    words[2] = subBits
    words[3] = bits
    assert.throws(attach(handle), refused(/damaged/))
  }
})
