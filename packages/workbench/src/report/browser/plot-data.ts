import type { Axis } from '../../experiment.js'

/** What the page's script needs to draw one chart of curves. */
export interface PlotData {
  readonly x: Axis
  readonly y: Axis
  readonly xs: readonly number[]
  /** `dash` in px, stroke and gap in turn: a curve is told from others by its strokes too, not by colour alone. */
  readonly series: readonly { readonly name: string; readonly colour: number; readonly dash: readonly number[] }[]
  /** One list per series, as long as `xs`; null where it has no point. */
  readonly ys: readonly (readonly (number | null)[])[]
  readonly lows: readonly (readonly (number | null)[])[]
  readonly highs: readonly (readonly (number | null)[])[]
  readonly marks: readonly { readonly x: number; readonly label: string }[]
}
