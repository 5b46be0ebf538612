// A program for Node, without the declarations of a page.
import { FastMap, f64, ShardedMap, string, struct } from 'threadmap'

const hits = new FastMap({ key: string, value: f64 })
hits.set('a', 1).add('a', 2)
const total: number = hits.get('a') ?? 0

const points = new ShardedMap({ key: string, value: struct({ x: 'f64', y: 'f64' }), shards: 8 })
points.set('p', { x: 1, y: 2 })
const y: number | undefined = points.get('p')?.y

console.log(total === 3 && y === 2 ? 'ok' : `total ${total}, y ${y}`)
hits[Symbol.dispose]()
