// Compiled only: types that the compiler must infer, and code that it must refuse.
import {
  bool,
  bytes,
  type ConcurrentMap,
  FastMap,
  f64,
  i64,
  json,
  type MapHandle,
  RWMutexMap,
  ShardedMap,
  SyncMap,
  string,
  struct,
  UnsafeMap,
} from 'threadmap'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(proof: Same<A, B>) => proof

interface Session {
  user: string
  roles: string[]
}

const numbers = new FastMap({ key: string, value: f64, cache: 100, shards: 8 })
same<typeof numbers, FastMap<string, number>>(true)
same<ReturnType<typeof numbers.get>, number | undefined>(true)

const sessions = new SyncMap({ key: f64, value: json<Session>() })
same<ReturnType<typeof sessions.get>, Session | undefined>(true)

const flags = new RWMutexMap({ key: i64, value: bool })
same<ReturnType<typeof flags.get>, boolean | undefined>(true)

const blobs: ConcurrentMap<string, Uint8Array> = new ShardedMap({ key: string, value: bytes, shards: 256 })
const points = new UnsafeMap({ key: string, value: struct({ x: 'f64', y: 'f64', hits: 'u32' }) })
const point = points.get('origin')
if (point) same<typeof point.x, number>(true)

const handle = numbers.handle
const again = FastMap.attach(handle)
same<ReturnType<typeof again.get>, number | undefined>(true)
export function fromMessage(message: { hits: MapHandle<string, number, 'FastMap'> }): FastMap<string, number> {
  return FastMap.attach(message.hits)
}

// Every map is assignable to TypeScript's ReadonlyMap.
const readable: ReadonlyMap<string, number> = numbers
const readables: ReadonlyMap<unknown, unknown>[] = [sessions, flags, points]
export const doubled = new Map([...readable].map(([key, value]) => [key, value * 2]))

// A subclass attaches as itself.
class Hits extends FastMap<string, number> {
  hit(key: string): number {
    return this.add(key, 1)
  }
}
const hits = Hits.attach(handle)
same<typeof hits, Hits>(true)
export const count: number = hits.hit('/')
const typed = FastMap.attach<string, number>({} as MapHandle<string, number>)
same<typeof typed, FastMap<string, number>>(true)

// @ts-expect-error a value of another type
numbers.set('key', 'value')
// @ts-expect-error a key of another type
numbers.get(1)
// @ts-expect-error bigint keys, number given
flags.has(1)
// @ts-expect-error an option that there isn't
new FastMap({ key: string, value: f64, capcity: 1 })
// @ts-expect-error no value codec
new FastMap({ key: string })

export { blobs, readables }
