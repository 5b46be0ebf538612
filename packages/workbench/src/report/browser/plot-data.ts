import type { Axis } from '../../experiment.js'

/** The data from which the page's script draws one chart of curves. */
export interface PlotData {
  readonly x: Axis
  readonly y: Axis
  readonly xs: readonly number[]
  /** `dash` in px, stroke and gap in turn: curves differ by their strokes too, not by colour alone. */
  readonly series: readonly { readonly name: string; readonly colour: number; readonly dash: readonly number[] }[]
  /** One list per series, as long as `xs`; null where the series has no point. */
  readonly ys: readonly (readonly (number | null)[])[]
  readonly lows: readonly (readonly (number | null)[])[]
  readonly highs: readonly (readonly (number | null)[])[]
  readonly marks: readonly { readonly x: number; readonly label: string }[]
}
