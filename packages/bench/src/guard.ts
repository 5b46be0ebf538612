/** Measures a guarded map beside a plain map: `node packages/bench/dist/guard.js`, after a build. */
import { once } from 'node:events'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { ratios, spread } from '@threadmap/workbench/statistics'
import { guard } from 'threadmap/guard'

const ROUNDS = 9
const KEYS = Array.from({ length: 64 }, (_, i) => `key ${i}`)
const full = () => new Map(KEYS.map((key, i) => [key, i]))

type Counts = Map<string, number>
/** Runs once and returns nanoseconds per operation. */
type Measure = (map: Counts) => Promise<number>

/** Many short turns of a few operations each, like the handlers of a server. */
function turns(perTurn: number, operation: (map: Counts, i: number) => unknown): Measure {
  const count = 400
  return async map => {
    let spent = 0
    for (let t = 0; t < count; t++) {
      await turn()
      const start = performance.now()
      for (let i = 0; i < perTurn; i++) operation(map, t + i)
      spent += performance.now() - start
    }
    return (spent * 1e6) / (count * perTurn)
  }
}

/** Nanoseconds of a request that reads, waits for the event loop twice, and writes; ten at a time over kept connections. */
const requests: Measure = async map => {
  const server = createServer(async (request, response) => {
    const key = KEYS[Number(request.url?.slice(1)) % KEYS.length]
    map.get(key)
    await turn()
    await turn()
    map.set(key, (map.get(key) ?? 0) + 1)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ key, value: map.get(key), padding: KEYS }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 10 })
  const ask = (i: number) =>
    new Promise<void>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: `/${i}`, agent }, response => {
        response.resume().on('end', resolve)
      }).on('error', reject)
    })
  const count = 4000
  let next = 0
  const client = async () => {
    while (next < count) await ask(next++)
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: 10 }, client))
  const spent = performance.now() - start
  agent.destroy()
  server.closeAllConnections()
  server.close()
  return (spent * 1e6) / count
}

const subjects: [string, () => Counts][] = [
  ['plain', full],
  ['guarded', () => guard(full(), { onReport: () => {} })],
  ['guarded, no stacks', () => guard(full(), { onReport: () => {}, stacks: 0 })],
]
const measures: [string, Measure][] = [
  ['get, 4 in a turn', turns(4, (map, i) => map.get(KEYS[i % 64]))],
  ['set, 4 in a turn', turns(4, (map, i) => map.set(KEYS[i % 64], i))],
  ['get, 1000 in a turn', turns(1000, (map, i) => map.get(KEYS[i % 64]))],
  ['iteration, an entry of 64', turns(1, map => [...map].length)],
  ['HTTP request', requests],
]

console.log(`Node ${process.version}: nanoseconds, median [quartiles] of ${ROUNDS} rounds; ratio to plain`)
for (const [name, measure] of measures) {
  const perEntry = name.startsWith('iteration') ? KEYS.length : 1
  const results: number[][] = subjects.map(() => [])
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, [, make]] of subjects.entries()) {
      const spent = (await measure(make())) / perEntry
      // The first round is not counted: V8 compiles the code there.
      if (round >= 0) results[i].push(spent)
    }
  }
  for (const [i, [subject]] of subjects.entries()) {
    const { median, low, high } = spread(results[i])
    const ratio = ratios(results[i], results[0])
    console.log(
      `${name.padEnd(27)}${subject.padEnd(20)}${median.toFixed(0).padStart(9)} [${low.toFixed(0)}, ${high.toFixed(0)}]  x${ratio.median.toFixed(2)} [${ratio.low.toFixed(2)}, ${ratio.high.toFixed(2)}]`,
    )
  }
}
