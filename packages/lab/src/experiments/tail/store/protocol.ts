import type { MessagePort } from 'node:worker_threads'
import type { FaultName } from '../plan.js'
import type { StoreOutcome } from './slow-store.js'

export interface StoreSetup {
  readonly seed: number
  /** For each store, the ports of the workers that use it. */
  readonly ports: readonly (readonly MessagePort[])[]
}

/** Makes new, empty stores; plants a fault or removes it; asks for the logs of all stores. */
export type StoreCommand = 'empty' | { readonly fault: FaultName | undefined } | 'logs'

/** The numbers of the writes that took effect, for each store. */
export type StoreReply = readonly Int32Array[]

/** `write` is the number of the write; undefined for a read. */
export type StoreRequest = readonly [id: number, shard: number, write: number | undefined]

/** `at`: when the store answered, in ms since the epoch. */
export type StoreAnswer = readonly [id: number, outcome: StoreOutcome, at: number]
