/** A member of the teams in team.test.ts: it obeys every order, also those that make it fail. */
import { serve } from '@threadmap/workbench/threads/serve'

export interface MemberSetup {
  /** One word: how many members came to a round, in all rounds together. */
  readonly arrivals: Int32Array
  readonly refuse: boolean
}

export type Order = 'meet' | 'throw' | 'exit' | 'hang'

await serve<MemberSetup, Order, number>(({ arrivals, refuse }, { index, meet }) => {
  if (refuse && index === 1) throw new Error('not\nprepared')
  return async order => {
    switch (order) {
      case 'meet':
        Atomics.add(arrivals, 0, 1)
        meet()
        return Atomics.load(arrivals, 0)
      case 'throw':
        throw new RangeError('out of range')
      case 'exit':
        return process.exit(3)
      case 'hang':
        return new Promise<never>(() => {})
    }
  }
})
