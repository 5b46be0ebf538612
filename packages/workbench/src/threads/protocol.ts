/** The `workerData` of a member of a team. */
export interface Briefing<Setup> {
  readonly setup: Setup
  readonly index: number
  readonly members: number
  /** One word: the number of arrivals at the barrier, in all rounds together. */
  readonly barrier: Int32Array
}

export interface ToMember<Command> {
  readonly command: Command
}

export type FromMember<Reply> =
  | { readonly type: 'ready' }
  | { readonly type: 'reply'; readonly reply: Reply }
  | { readonly type: 'failed'; readonly reason: string; readonly code?: string }
