import type { Option } from 'commander'
import type { Evidence } from './evidence.js'

/**
 * A procedure that turns subjects and workloads into evidence: one folder or file of `src/experiments/`, one entry of
 * `src/experiments/index.ts`, one command `threadmap lab NAME`, one section of the report.
 */
export interface Experiment {
  /** The name in `threadmap lab NAME`. */
  readonly name: string
  /** The question of the experiment, in a few words: the heading of its section. */
  readonly title: string
  /** The method, in a paragraph: the report shows it below the charts. */
  readonly method: string
  /** Its duration on two cores, roughly. The forecast of a run adds up these times. */
  readonly seconds: { readonly quick: number; readonly full: number }
  /** Whether `threadmap lab` runs it only when it is named: it takes about as long as all the others. */
  readonly byName?: boolean
  /** Flags of its own. They become flags of `threadmap lab`, and `Context.flags` has their values. */
  readonly flags?: readonly Option[]
  /** Throws `UsageError` for flags that cannot be met on this machine. Called for all experiments before the first one runs. */
  check?(settings: Settings): void | Promise<void>
  run(context: Context): Promise<Outcome>
}

/** The settings that the user chose: equal for all experiments of a run, and recorded with it. */
export interface Settings {
  /** Whether the experiments are short, to see everything within two minutes; otherwise they take as long as the figures need. */
  readonly quick: boolean
  /** Threads that do the work, where the experiment does not vary them itself. */
  readonly workers: number
  /** All random choices follow from this number. */
  readonly seed: number
  /** The values of all experiments' own flags, by commander's camel-case names. */
  readonly flags: Readonly<Record<string, unknown>>
}

/** The settings, and the means by which an experiment talks to the command. */
export interface Context extends Settings {
  /** Ctrl-C aborts it with an `InterruptedError`. Then every wait has to end, and the experiment has to stop its threads and processes. */
  readonly signal: AbortSignal
  /** Reports the share that is done (0 to 1), and the current work in a few words. Cheap enough to be called often. */
  progress(share: number, doing: string): void
  /** Reports a part that is left out, and why, in one line that is printed at once and kept: `sharedmap is not installed; npm i sharedmap`. */
  leaveOut(what: string, why: string): void
}

/** The result of an experiment. It is stored as JSON in the run document, so it has plain data only. */
export interface Outcome {
  readonly evidence: readonly Evidence[]
  /** The charts: at least one. */
  readonly charts: readonly Chart[]
  /** The figures behind the charts. */
  readonly tables: readonly Table[]
  /** Findings that follow from the figures, one plain sentence each; also that the figures decide nothing. The first is the headline. */
  readonly findings: readonly string[]
  /** Answers that another run of the same settings must give too; `threadmap report --compare` compares them. */
  readonly conclusions?: readonly Conclusion[]
  /** Verdicts on beliefs; none if the experiment is about no belief. */
  readonly beliefs: readonly BeliefFinding[]
  /** Data of its own, for other parts (the advice reads those of `mix`, `estimate` those of `memory`). */
  readonly details?: unknown
}

/** One answer of an experiment, so that two runs can be compared. */
export interface Conclusion {
  /** What is asked, equal from run to run. */
  readonly question: string
  readonly answer: string
  /** Answers that cannot be told from `answer`. */
  readonly tied: readonly string[]
  /** The workload of the rows of evidence behind it. */
  readonly workload?: string
}

/** The verdict of this machine on a belief. */
export type Verdict = 'holds' | 'does not hold' | 'cannot tell'

/** The verdict of an experiment on a belief. It compares ratios and orders, never times of other machines. */
export interface BeliefFinding {
  /** The number of the belief in the list of the package that the experiment belongs to. */
  readonly belief: number
  readonly verdict: Verdict
  /** The measured figures beside those of the belief, in one sentence. */
  readonly measured: string
}

/** A chart as data: what to draw, not how. */
export type Chart = LineChart | BarChart | HeatMap

interface Picture {
  /** Unique within the experiment, and equal from run to run, so that two runs can be compared. */
  readonly id: string
  readonly title: string
  /** The chart in words, for readers who cannot see it. */
  readonly alternative: string
}

export interface Axis {
  readonly label: string
  readonly unit: string
  readonly scale?: 'linear' | 'log'
}

/** `low` and `high` are the quartiles, if there were several rounds. */
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
  /** One value per category; null for none. */
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
  /** `cells[row][column]`; null for none. */
  readonly cells: readonly (readonly (number | null)[])[]
}

/** Cells are numbers if they are figures (shown with `digits` decimals, or three significant digits), and text otherwise. */
export interface Table {
  readonly title: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly (string | number | null)[])[]
}

export interface Column {
  readonly label: string
  readonly unit?: string
  /** Decimals; without it, three significant digits are shown. */
  readonly digits?: number
}
