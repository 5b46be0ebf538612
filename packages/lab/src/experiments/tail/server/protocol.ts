import type { MessagePort } from 'node:worker_threads'
import type { GovernorHandle } from '@threadmap/governor'
import type { GuardName } from '../guards/guard.js'

export interface ServerSetup {
  readonly guard: GuardName
  /** The way to this server's store. */
  readonly port: MessagePort
}

/** Asks for the port, or for a new guard whose times are `scale` times as long; `governor`: that of all workers of a server that has one. */
export type ServerCommand = 'address' | NewGuard

export interface NewGuard {
  readonly scale: number
  readonly governor: GovernorHandle | undefined
}

/** Paths are `/KEY` for a read, and `/KEY/NUMBER` with POST for a write with its number. */
export function pathOf(key: number, write: number | undefined): string {
  return write === undefined ? `/${key}` : `/${key}/${write}`
}

/** Statuses by which a client tells answers apart. An answer has the age of its value in ms as its body. */
export const STATUS = { answered: 200, refused: 429, failed: 500, busy: 503 } as const
