import type { Command } from 'commander'
import type { Experiment } from '../experiment.js'

/**
 * What a package adds to the command `threadmap`. Its package.json names a module,
 *
 *     "threadmap": { "commands": "./dist/commands.js" }
 *
 * and that module exports these by their names. The package is found where it is installed beside the command, or in the
 * project in whose folder the command runs; nothing else has to know it.
 */
export interface Part {
  /** Experiments for `threadmap lab`. */
  readonly experiments?: readonly Experiment[]
  /** Subcommands; called once, when the experiments of all packages are known. */
  readonly commands?: (found: Found) => readonly Command[]
}

/** What all packages offer together. */
export interface Found {
  /** In the order of the packages, each name once. */
  readonly experiments: readonly Experiment[]
  /** Says in one line that an experiment cannot be offered: another one has its flag, say. */
  leaveOut(experiment: Experiment, why: string): void
}
