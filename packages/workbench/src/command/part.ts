import type { Command } from 'commander'
import type { Experiment } from '../experiment.js'

/**
 * What a package adds to the command `threadmap`. Its package.json names a module,
 *
 *     "threadmap": { "commands": "./dist/commands.js" }
 *
 * and that module exports the members of `Part` by their names. The command finds packages that are installed beside it, or in the
 * project in whose folder it runs; no other package has to know them.
 */
export interface Part {
  /** Experiments for `threadmap lab`. */
  readonly experiments?: readonly Experiment[]
  /** Subcommands; called once, when the experiments of all packages are known. */
  readonly commands?: (found: Found) => readonly Command[]
}

/** The experiments of all packages together. */
export interface Found {
  /** The experiments in the order of the packages, each name once. */
  readonly experiments: readonly Experiment[]
  /** Says in one line that an experiment cannot be offered, for instance because another one has its flag. */
  leaveOut(experiment: Experiment, why: string): void
}
