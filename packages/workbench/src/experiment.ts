import type { Option } from 'commander'
import type { Evidence } from './evidence.js'

/**
 * A procedure that turns subjects and workloads into evidence: one folder or file of `src/experiments/`, one entry of
 * `src/experiments/index.ts`, one command `threadmap lab NAME`, one section of the report.
 */
export interface Experiment {
  /** As in `threadmap lab NAME`. */
  readonly name: string
  /** What it asks, in a few words: the heading of its section. */
  readonly title: string
  /** How it is measured, in a paragraph: shown in the report below the charts. */
  readonly method: string
  /** About how long it takes on two cores. The sum over all experiments decides whether the quick lab takes a minute. */
  readonly seconds: { readonly quick: number; readonly full: number }
  /** Flags of its own. They become flags of `threadmap lab`, and their values come in `Context.flags`. */
  readonly flags?: readonly Option[]
  /** Throws `UsageError` for flags or a machine that cannot do. Called for all experiments before the first one runs. */
  check?(settings: Settings): void | Promise<void>
  run(context: Context): Promise<Outcome>
}

/** What the user asked for: the same for all experiments of a run, and recorded with it. */
export interface Settings {
  /** Short, to see everything within a minute; or as long as the figures need. */
  readonly quick: boolean
  /** Threads that do the work, where the experiment does not vary them itself. */
  readonly workers: number
  /** Everything random follows from it. */
  readonly seed: number
  /** The values of all experiments' own flags, by commander's camel-case names. */
  readonly flags: Readonly<Record<string, unknown>>
}

/** What an experiment is given. */
export interface Context extends Settings {
  /** Aborted with an `InterruptedError` by Ctrl-C. Every wait has to end then, and every thread or process to be stopped. */
  readonly signal: AbortSignal
  /** Tells how far it is (0 to 1), and what it is doing now. Cheap enough to be called often. */
  progress(share: number, doing: string): void
  /** Says what is left out and why, in one line that is printed at once and kept: `sharedmap is not installed; npm i sharedmap`. */
  leaveOut(what: string, why: string): void
}

/** What an experiment found. It is stored as JSON in the run document, so it holds plain data only. */
export interface Outcome {
  readonly evidence: readonly Evidence[]
  /** At least one: what a person reads at a glance. */
  readonly charts: readonly Chart[]
  /** The figures behind the charts. */
  readonly tables: readonly Table[]
  /** What follows from the figures, one plain sentence each; also when nothing can be told. The first is the headline. */
  readonly findings: readonly string[]
  /** What this says about beliefs that circulate in the field; none if it is about none. */
  readonly beliefs: readonly BeliefFinding[]
  /** Structure of its own, for those who go on from it (advice reads `mix`, `estimate` reads `memory`). */
  readonly details?: unknown
}

/** What this machine says about a belief. */
export type Verdict = 'holds' | 'does not hold' | 'cannot tell'

/** What an experiment says about a belief. Times of other machines are not compared, only ratios and orders. */
export interface BeliefFinding {
  /** The number of the belief in the list of the package that the experiment belongs to. */
  readonly belief: number
  readonly verdict: Verdict
  /** What was measured here, beside what is believed, in one sentence with its figures. */
  readonly measured: string
}

/** A picture: what to draw, not how. */
export type Chart = LineChart | BarChart | HeatMap

interface Picture {
  /** Unique within the experiment; stays the same from run to run, so that two runs can be compared. */
  readonly id: string
  readonly title: string
  /** The picture in words, for those who cannot see it. */
  readonly alternative: string
}

export interface Axis {
  readonly label: string
  readonly unit: string
  readonly scale?: 'linear' | 'log'
}

/** `low` and `high` are the quartiles, where there were several rounds. */
export interface Point {
  readonly x: number
  readonly y: number
  readonly low?: number
  readonly high?: number
}

/** Curves over a numeric x. */
export interface LineChart extends Picture {
  readonly kind: 'line'
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly { readonly name: string; readonly points: readonly Point[] }[]
  /** Vertical marks with a text, such as a knee. */
  readonly marks?: readonly { readonly x: number; readonly label: string }[]
}

/** One group of bars per category, one bar per series in each. */
export interface BarChart extends Picture {
  readonly kind: 'bar'
  readonly categories: readonly string[]
  readonly y: Axis
  /** As many values as categories; null where there is none. */
  readonly series: readonly { readonly name: string; readonly values: readonly (Bar | null)[] }[]
}

export interface Bar {
  readonly y: number
  readonly low?: number
  readonly high?: number
}

/** Colour by value over two lists of categories. */
export interface HeatMap extends Picture {
  readonly kind: 'heat'
  readonly columns: readonly string[]
  readonly rows: readonly string[]
  readonly value: Axis
  /** `cells[row][column]`; null where there is none. */
  readonly cells: readonly (readonly (number | null)[])[]
}

/** Cells are numbers where they are figures (shown by `digits` or as they are), text otherwise. */
export interface Table {
  readonly title: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly (string | number | null)[])[]
}

export interface Column {
  readonly label: string
  readonly unit?: string
  /** Digits after the point; left out: as many as make three significant ones. */
  readonly digits?: number
}
