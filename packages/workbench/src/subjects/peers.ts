/** Peers: packages of others with the purpose of a shared map. They are found at run time, if they are installed. */

/** Thrown if a peer is not installed: the experiment leaves it out, with this reason. */
export class NotHere extends Error {}

/** The members of npm `sharedmap` that are used here. */
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
 * The capacity of a sharedmap is fixed, and a full one has long chains, so it gets a third more. Its limits of 24 allow keys of up to
 * 23 characters (a key exactly as long as the limit is lost; the longest temporary key has 16) and numbers of up to 23 characters,
 * which is every f64.
 */
export async function createSharedMap(entries: number, valueBytes: number): Promise<SharedMapPeer> {
  const SharedMap = await sharedMapClass()
  return new SharedMap(Math.ceil((entries * 4) / 3), 24, Math.max(24, valueBytes + 2))
}

/** Attaches as the documentation of sharedmap says: a structured clone of the map gets its prototype back. */
export async function attachSharedMap(clone: object): Promise<SharedMapPeer> {
  const SharedMap = await sharedMapClass()
  return Object.setPrototypeOf(clone, SharedMap.prototype) as SharedMapPeer
}

/** The members of npm `lmdb` that are used here. */
export interface LmdbPeer {
  get(key: string): unknown
  putSync(key: string, value: unknown): unknown
  removeSync(key: string): unknown
  /** Drops the read snapshot, which a synchronous loop would otherwise read for ever. */
  resetReadTxn(): void
  close(): Promise<void>
}

/** Opens the store at `path`, without syncing to the disk, since durability is not compared. */
export async function openLmdb(path: string): Promise<LmdbPeer> {
  const { open } = (await load('lmdb')) as { open: (options: Record<string, unknown>) => LmdbPeer }
  return open({ path, noSync: true, encoding: 'msgpack' })
}
