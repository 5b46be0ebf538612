import {
  type ConcurrentMap,
  FastMap,
  f64,
  type MapHandle,
  type MapKind,
  RWMutexMap,
  ShardedMap,
  SyncMap,
  string,
  UnsafeMap,
} from 'threadmap'
import { Skipped } from './jobs.js'

/** Any of the five maps, strings to f64, with room for `capacity` entries and default options otherwise. */
export function createMap(kind: MapKind, capacity: number): ConcurrentMap<string, number> {
  const options = { key: string, value: f64, capacity }
  switch (kind) {
    case 'FastMap':
      return new FastMap(options)
    case 'ShardedMap':
      return new ShardedMap(options)
    case 'SyncMap':
      return new SyncMap(options)
    case 'RWMutexMap':
      return new RWMutexMap(options)
    case 'UnsafeMap':
      // With detection, two threads at once are refused: that is its purpose. Without, it is the floor of the others.
      return new UnsafeMap({ ...options, detect: false })
  }
}

export function attachMap(handle: MapHandle<string, number>): ConcurrentMap<string, number> {
  switch (handle.kind) {
    case 'FastMap':
      return FastMap.attach(handle as MapHandle<string, number, 'FastMap'>)
    case 'ShardedMap':
      return ShardedMap.attach(handle as MapHandle<string, number, 'ShardedMap'>)
    case 'SyncMap':
      return SyncMap.attach(handle as MapHandle<string, number, 'SyncMap'>)
    case 'RWMutexMap':
      return RWMutexMap.attach(handle as MapHandle<string, number, 'RWMutexMap'>)
    case 'UnsafeMap':
      return UnsafeMap.attach(handle as MapHandle<string, number, 'UnsafeMap'>)
  }
}

/** The part of npm `sharedmap` that is measured. Its own type file does not compile. */
export interface ForeignMap {
  get(key: string): string | undefined
  set(key: string, value: number): void
  readonly length: number
}

interface ForeignClass {
  new (maxSize: number, keySize: number, objSize: number): ForeignMap
  prototype: ForeignMap
}

async function foreignClass(): Promise<ForeignClass> {
  // Not a literal, so that the compiler does not look for its types.
  const name: string = 'sharedmap'
  try {
    const module: { default: ForeignClass } = await import(name)
    return module.default
  } catch {
    throw new Skipped('npm package sharedmap not found')
  }
}

/**
 * Its capacity is fixed; a full one chains far, so it gets a third more. Keys up to 15 characters (one exactly as long
 * as the limit is lost) and values up to 23, which is any f64 as it writes it.
 */
export async function createForeign(keys: number): Promise<ForeignMap> {
  const SharedMap = await foreignClass()
  return new SharedMap(Math.ceil((keys * 4) / 3), 16, 24)
}

/** As its documentation says: a structured clone of the map, given its prototype back. */
export async function attachForeign(clone: object): Promise<ForeignMap> {
  const SharedMap = await foreignClass()
  return Object.setPrototypeOf(clone, SharedMap.prototype) as ForeignMap
}
