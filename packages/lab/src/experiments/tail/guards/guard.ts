/** What stands between the requests of a worker and the store. */
export interface Guard {
  /** The value of a key: when the store read it, in ms since the epoch. `load` asks the store. */
  read(key: number, load: () => Promise<number>): Promise<number>
  /** Writes a key. `save` asks the store, which a guard may do at most once. */
  write(key: number, save: () => Promise<number>): Promise<number>
  close(): void
}

/** A request that the guard did not let through. */
export class Refused extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'Refused'
  }
}

/** The servers that are compared, each with a guard of its own. */
export const GUARDS = [
  'no protection',
  'concurrency limit',
  'adaptive limit',
  'cockatiel',
  'cockatiel per shard',
  'governor',
] as const

export type GuardName = (typeof GUARDS)[number]

export const NO_GUARD: Guard = { read: (_, load) => load(), write: (_, save) => save(), close() {} }
