// node examples/governor.mjs
//
// Eight tenants of a store. One of them becomes slow, and then well again: the governor limits it, isolates it, and lets it free. The times are a
// fiftieth of the real ones, so that you need not wait for minutes.
import { setTimeout as sleep } from 'node:timers/promises'
import { Governor } from '@threadmap/governor'
import { json } from 'threadmap'

const governor = new Governor({
  objective: { p99: 40 },
  shards: 8,
  shardOf: key => Number(key.split(':')[1]),
  timeScale: 0.02,
  detection: { minOperations: 20 },
})

let slow = false
async function load(key) {
  await sleep(slow && key.startsWith('tenant:3') ? 150 : 2)
  return { key }
}

governor.on('transition', ({ shard, from, to, reason }) =>
  console.log(`tenant ${shard}: level ${from} -> ${to}. ${reason}`),
)

let served = 0
const refused = new Set()
let refusals = 0
let next = 0
const traffic = setInterval(() => {
  governor.read(`tenant:${next++ % 8}:user:${next % 50}`, load, { value: json(), maxAge: 1000 }).then(
    () => served++,
    error => {
      refusals++
      refused.add(error.shard)
    },
  )
}, 2)

async function until(isSo) {
  while (!isSo(governor.snapshot().shards[3])) await sleep(50)
}

await until(({ operations }) => operations > 50)
slow = true
await until(({ level }) => level === 2)
console.log(`isolated: tenant 3 is a ${governor.snapshot().shards[3].cause}`)
slow = false
await until(({ level }) => level === 0)
clearInterval(traffic)
console.log(`well again: ${served} served, ${refusals} refused, all of tenant ${[...refused]}`)
governor.dispose()
