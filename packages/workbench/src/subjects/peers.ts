/** Peers: packages of others that do the same job. They are found at run time, if somebody installed them. */

/** Thrown where a peer is not there: the experiment leaves it out, with this reason. */
export class NotHere extends Error {}

/** The part of npm `sharedmap` that is measured. */
export interface SharedMapPeer {
  get(key: string): string | undefined
  set(key: string, value: number | string): void
  delete(key: string): void
  readonly length: number
}

interface SharedMapClass {
  new (maxSize: number, keySize: number, objectSize: number): SharedMapPeer
  prototype: SharedMapPeer
}

async function load(name: string): Promise<Record<string, unknown>> {
  try {
    return (await import(name)) as Record<string, unknown>
  } catch {
    throw new NotHere(`it is not installed (npm install ${name})`)
  }
}

async function sharedMapClass(): Promise<SharedMapClass> {
  return (await load('sharedmap')).default as SharedMapClass
}

/**
 * Its capacity is fixed; a full one chains far, so it gets a third more. Keys up to 23 characters (one exactly as long as
 * the limit is lost): the longest temporary one has 16. Values up to 23, which is any f64 as it writes it.
 */
export async function createSharedMap(entries: number, valueBytes: number): Promise<SharedMapPeer> {
  const SharedMap = await sharedMapClass()
  return new SharedMap(Math.ceil((entries * 4) / 3), 24, Math.max(24, valueBytes + 2))
}

/** As its documentation says: a structured clone of the map, given its prototype back. */
export async function attachSharedMap(clone: object): Promise<SharedMapPeer> {
  const SharedMap = await sharedMapClass()
  return Object.setPrototypeOf(clone, SharedMap.prototype) as SharedMapPeer
}

/** The part of npm `lmdb` that is measured. */
export interface LmdbPeer {
  get(key: string): unknown
  putSync(key: string, value: unknown): unknown
  removeSync(key: string): unknown
  /** Without it a synchronous loop reads the same snapshot for ever. */
  resetReadTxn(): void
  close(): Promise<void>
}

/** Opens the store at `path`, without syncing to the disk: durability is not what is compared. */
export async function openLmdb(path: string): Promise<LmdbPeer> {
  const { open } = (await load('lmdb')) as { open: (options: Record<string, unknown>) => LmdbPeer }
  return open({ path, noSync: true, encoding: 'msgpack' })
}
