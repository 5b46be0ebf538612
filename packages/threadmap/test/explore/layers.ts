/** The layers of the tests that a planted fault meets, the quickest first. */
import type { Fault } from './faults.js'

/** A layer of the tests: a command in the copy of the package, which fails if it finds the fault. */
export interface Layer {
  name: string
  /** Seconds. A command that takes longer counts as failed: the fault makes it hang. */
  limit: number
  command(fault: Fault): readonly string[]
}

const tests = (...names: string[]): readonly string[] => ['--test', ...names.map(name => `build/test/${name}.test.js`)]
export const layers: readonly Layer[] = [
  { name: 'structure', limit: 60, command: () => tests('explore/structure') },
  {
    name: 'explorer',
    limit: 240,
    command: ({ maps }) => [
      'build/test/explore/main.js',
      '--once',
      '--bound',
      '2',
      '--most',
      '2000',
      '--random',
      '0',
      '--only',
      maps,
    ],
  },
  {
    name: 'death',
    limit: 120,
    command: ({ maps }) => [
      '--test',
      `--test-name-pattern=^${maps}`,
      'build/test/explore/death-at-every-step.test.js',
      'build/test/explore/handover.test.js',
    ],
  },
  { name: 'at work', limit: 60, command: () => tests('explore/at-work') },
  { name: 'loads', limit: 120, command: () => tests('explore/loads', 'behaviour/fetch', 'robustness/alone/fetch') },
  {
    name: 'behaviour',
    limit: 240,
    command: () =>
      tests(
        'robustness/alone/attach',
        'behaviour/attach',
        'behaviour/map',
        'behaviour/compute-nested',
        'behaviour/cache',
        'behaviour/evictions',
      ),
  },
]
