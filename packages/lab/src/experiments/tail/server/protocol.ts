import type { MessagePort } from 'node:worker_threads'
import type { GuardName } from '../guards/guard.js'

export interface ServerSetup {
  readonly guard: GuardName
  /** The way to this server's store. */
  readonly port: MessagePort
}

/** Asks for the port, or for a new guard whose times are `scale` times as long. */
export type ServerCommand = 'address' | { readonly scale: number }

/** Paths are `/KEY` for a read, and `/KEY/NUMBER` with POST for a write with its number. */
export function pathOf(key: number, write: number | undefined): string {
  return write === undefined ? `/${key}` : `/${key}/${write}`
}

/** Statuses by which a client tells answers apart. An answer has the age of its value in ms as its body. */
export const STATUS = { answered: 200, refused: 429, failed: 500, busy: 503 } as const
