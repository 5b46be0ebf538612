/** Pools of workers whose tasks attach each time: a thread has one place, however many tasks it runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Piscina } from 'piscina'
import { FastMap, f64, string } from 'threadmap'
import { Tinypool } from 'tinypool'

const TASKS = 20_000
/** Tasks in progress at once. */
const AT_ONCE = 500

for (const [name, Pool] of [
  ['piscina', Piscina],
  ['tinypool', Tinypool],
] as const) {
  test(`${name}: ${TASKS} tasks that each attach take one place per thread`, async () => {
    using map = new FastMap({ key: string, value: f64 })
    const filename = new URL('../programs/pool-task.js', import.meta.url).href
    const pool = new Pool({ filename, minThreads: 2, maxThreads: 2 })
    for (let done = 0; done < TASKS; done += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => pool.run(map.handle)))
      const { threads } = map.stats()
      assert.ok(threads <= 3, `${threads} places are taken`)
    }
    assert.equal(map.get('tasks'), TASKS)
    await pool.destroy()
    assert.equal(map.stats().threads, 1, 'the places come back with the end of the threads')
  })
}
