/** One operation as its client saw it. Times are of one clock that all clients share; only their order counts. */
export interface Operation<I = unknown, O = unknown> {
  readonly client: number
  readonly op: string
  readonly key: string
  readonly input: I
  /** Undefined while the operation is pending. */
  readonly output: O | undefined
  readonly call: number
  /** `PENDING` if it never returned: its client died in it, so it may have taken effect, or not. */
  readonly return: number
}

export const PENDING = Number.POSITIVE_INFINITY

export function isPending(operation: Operation): boolean {
  return operation.return === PENDING
}

/** What the operations are supposed to do: a sequential object. States are values, never changed in place. */
export interface Model<S, I, O> {
  readonly initial: S
  /**
   * The state after `operation`, or undefined if it cannot have returned what it did in `state`. A pending operation's output
   * is not known, so any is allowed.
   */
  apply(state: S, operation: Operation<I, O>): S | undefined
  /** States with the same identity are the same state. */
  identity(state: S): string | number
  /** For the picture of a failure. */
  describe(state: S): string
  tell(operation: Operation<I, O>): string
}

/**
 * The history of each key by itself. A history is linearizable if and only if that of each of its objects is (Herlihy &
 * Wing), and many short searches are far cheaper than a long one. An operation on all keys (`everywhere`) is put into each
 * history as one on that key: whether it is atomic over all keys is then not asked.
 */
export function byKey<I, O>(
  history: readonly Operation<I, O>[],
  everywhere: (operation: Operation<I, O>) => boolean = () => false,
): Map<string, Operation<I, O>[]> {
  const parts = new Map<string, Operation<I, O>[]>()
  for (const operation of history) {
    if (!everywhere(operation) && !parts.has(operation.key)) parts.set(operation.key, [])
  }
  for (const operation of history) {
    if (!everywhere(operation)) parts.get(operation.key)!.push(operation)
    else for (const [key, part] of parts) part.push({ ...operation, key })
  }
  return parts
}
