/** The scenarios that only a cache has. */
import type { Step } from './operations.js'
import type { Named } from './scenario.js'
import { against, changes, few, reads, show } from './steps.js'

/** A full cache, which evicts with each new key: an evicted entry's blocks serve the next one at once. */
export function cacheOnly(): Named[] {
  const onA = [...changes('blocks', 'a', 2), ...reads('a')]
  const set = (key: string, value: number): Step => ({ op: 'set', key, value })
  const evicting = [
    ...against([set('n', 101)], [...onA, ...reads('n'), set('n', 102), set('m', 102), { op: 'clear' }]),
    // The entry of `a` is another key's, and then of `a` again, between two loads of a reader, and when its mark comes.
    ...against([set('n', 101), set('m', 103)], [...onA, ...reads('n')]),
    ...against([set('n', 101), set('m', 103), set('a', 104)], [...reads('a'), { op: 'update', key: 'a' }]),
    [
      [{ op: 'get', key: 'a' }, set('n', 101)],
      [{ op: 'get', key: 'b' }, set('m', 102)],
    ],
    [[set('n', 101)], [set('m', 102)], [{ op: 'get', key: 'a' }]],
  ] as Step[][][]
  return [1, 2].flatMap(max =>
    evicting.map(threads => ({
      name: `SharedCache of ${max}, eviction: ${threads.map(steps => steps.map(show).join('; ')).join(' || ')}`,
      situation: 'eviction',
      map: 'SharedCache' as const,
      form: 'blocks' as const,
      fill: few,
      max,
      threads,
    })),
  )
}
