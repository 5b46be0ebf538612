/** The script of the report's page. It is inlined after uPlot, and knows nothing but the page. */
import type UPlot from 'uplot'
import type { PlotData } from './plot-data.js'

/** The page has uPlot's script before this one. */
const Plot = (globalThis as unknown as { readonly uPlot: typeof UPlot }).uPlot

const HEIGHT = 300
function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

function figure(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size >= 1e15 || size < 1e-4) return value.toExponential(2)
  const digits = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(size))))
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

function unitText(unit: string): string {
  return unit === '' ? '' : unit === '%' ? '%' : ` ${unit}`
}

/** Bars, cells and nodes: each is a `.mark` with its text. The pointer or a key chooses one at a time. */
function readMarks(picture: HTMLElement, read: (text: string) => void): void {
  const marks = [...picture.querySelectorAll<SVGElement | HTMLElement>('.mark')]
  // All rows of a heat map have one number of cells; in other charts up and down move like left and right.
  const row =
    picture.dataset.kind === 'heat' ? (picture.querySelector('.group')?.querySelectorAll('.mark').length ?? 1) : 1
  let chosen = -1
  const choose = (at: number, isByKey: boolean) => {
    marks[chosen]?.classList.remove('chosen')
    chosen = at
    const mark = marks[chosen]
    if (mark === undefined) return read('')
    mark.classList.add('chosen')
    if (isByKey) mark.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    read(mark.dataset.read ?? '')
  }
  picture.addEventListener('keydown', event => {
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }
    const last = marks.length - 1
    if (event.key === 'Escape') choose(-1, false)
    else if (event.key === 'Home') choose(0, true)
    else if (event.key === 'End') choose(last, true)
    else if (steps[event.key] === undefined) return
    else choose(chosen < 0 ? 0 : Math.min(last, Math.max(0, chosen + steps[event.key])), true)
    event.preventDefault()
  })
  for (const [at, mark] of marks.entries()) {
    mark.addEventListener('pointerenter', () => choose(at, false))
    mark.addEventListener('click', () => choose(at, false))
  }
}

function plot(host: HTMLElement, data: PlotData, picture: HTMLElement, read: (text: string) => void): void {
  const isLog = { x: data.x.scale === 'log', y: data.y.scale === 'log' }
  const usable = (value: number | null) => (value !== null && isLog.y && value <= 0 ? null : value)
  const columns = [data.xs, ...data.ys.map(values => values.map(usable))] as UPlot.AlignedData
  let chart: UPlot | undefined

  const readAt = (at: number | null | undefined) => {
    if (at === null || at === undefined) return read('')
    const values = data.series.flatMap(({ name }, series) => {
      const value = data.ys[series][at]
      return value === null ? [] : [`${name} ${figure(value)}${unitText(data.y.unit)}`]
    })
    read(`${data.x.label} ${figure(data.xs[at])}${unitText(data.x.unit)}: ${values.join(', ')}`)
  }

  const strokes = (drawn: UPlot) => {
    const { ctx } = drawn
    const ratio = devicePixelRatio
    ctx.save()
    for (const [series, { colour }] of data.series.entries()) {
      ctx.strokeStyle = colourOf(`--s${colour}`)
      ctx.globalAlpha = 0.55
      ctx.lineWidth = 3 * ratio
      for (const [at, x] of data.xs.entries()) {
        const [low, high] = [usable(data.lows[series][at]), usable(data.highs[series][at])]
        if (low === null || high === null) continue
        const left = drawn.valToPos(x, 'x', true)
        ctx.beginPath()
        ctx.moveTo(left, drawn.valToPos(low, 'y', true))
        ctx.lineTo(left, drawn.valToPos(high, 'y', true))
        ctx.stroke()
      }
    }
    ctx.globalAlpha = 1
    ctx.fillStyle = ctx.strokeStyle = colourOf('--text')
    ctx.font = `${12 * ratio}px system-ui, sans-serif`
    ctx.lineWidth = ratio
    const { left: from, top, width, height } = drawn.bbox
    for (const [at, { x, label }] of data.marks.entries()) {
      const left = drawn.valToPos(x, 'x', true)
      if (left < from || left > from + width) continue
      ctx.setLineDash([4 * ratio, 4 * ratio])
      ctx.beginPath()
      ctx.moveTo(left, top)
      ctx.lineTo(left, top + height)
      ctx.stroke()
      const isRight = left > from + width * 0.6
      ctx.textAlign = isRight ? 'right' : 'left'
      ctx.fillText(label, left + (isRight ? -5 : 5) * ratio, top + (14 + 16 * (at % 4)) * ratio)
    }
    ctx.restore()
  }

  // A logarithmic axis ends a little beyond the outermost points; a linear one begins at zero unless all points are far from zero.
  const rangeY: UPlot.Range.Function = (_, least, most) => {
    const all = [...data.ys, ...data.lows, ...data.highs]
      .flat()
      .map(usable)
      .filter(value => value !== null)
    if (all.length === 0) return [isLog.y ? 1 : 0, isLog.y ? 10 : 1]
    const low = Math.min(least ?? all[0], ...all)
    const high = Math.max(most ?? all[0], ...all)
    if (isLog.y) return [low / 1.3, high * 1.3]
    const room = (high - low || Math.abs(high) || 1) * 0.06
    // No share is above 100%, so the axis ends there.
    if (data.y.unit === '%' && low >= 0 && high <= 100 && high > 90) {
      const from = low > 70 ? Math.min(90, low - 2) : 0
      return [from, 100 + (100 - from) * 0.04]
    }
    return [low >= 0 && low < high * 0.7 ? 0 : low - room, high + room]
  }
  const rangeX: UPlot.Range.Function = () => {
    const [low, high] = [data.xs[0] ?? 0, data.xs.at(-1) ?? 1]
    if (isLog.x && low > 0) return high > low ? [low / 1.1, high * 1.1] : [low / 2, high * 2]
    const room = (high - low || Math.abs(high) || 1) * 0.03
    return [low - room, high + room]
  }
  const axis = (label: string, more: Partial<UPlot.Axis>): UPlot.Axis => ({
    label,
    stroke: colourOf('--soft'),
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { stroke: colourOf('--line'), width: 1 },
    ...more,
  })
  const shown = (values: readonly (number | null)[]) => values.map(value => (value === null ? '' : figure(value)))

  const draw = () => {
    chart?.destroy()
    const drawn = new Plot(
      {
        width: host.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, y: false },
        scales: {
          x: { time: false, distr: isLog.x ? 3 : 1, range: rangeX },
          y: { distr: isLog.y ? 3 : 1, range: rangeY },
        },
        axes: [
          axis(data.x.label + (data.x.unit === '' ? '' : ` (${data.x.unit})`), {
            // On a logarithmic axis the measured levels are the values to read.
            ...(isLog.x
              ? { splits: () => [...data.xs], filter: (_, splits) => thinned(splits, host.clientWidth) }
              : {}),
            values: (_, splits) => shown(splits),
          }),
          axis(data.y.label + (data.y.unit === '' ? '' : ` (${data.y.unit})`), {
            values: (_, splits) => shown(splits),
            size: 62,
          }),
        ],
        series: [
          {},
          ...data.series.map(({ name, colour, dash }) => ({
            label: name,
            stroke: colourOf(`--s${colour}`),
            width: 2,
            dash: [...dash],
            spanGaps: true,
            points: { show: true, size: 7, fill: colourOf(`--s${colour}`) },
          })),
        ],
        // Drawn below the curves, so that it covers no point.
        hooks: { drawAxes: [strokes], setCursor: [(self: UPlot) => readAt(self.cursor.idx)] },
      },
      columns,
      host,
    )
    chart = drawn
    plots.set(host.dataset.plot ?? '', drawn)
  }
  // A folded chart has no width yet, and is drawn when the reader opens it.
  if (host.clientWidth > 0) draw()
  new ResizeObserver(() => {
    const width = host.clientWidth
    if (width === 0 || width === chart?.width) return
    if (chart === undefined) draw()
    else chart.setSize({ width, height: HEIGHT })
  }).observe(host)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    if (chart !== undefined) draw()
  })

  let chosen = -1
  picture.addEventListener('keydown', event => {
    const last = data.xs.length - 1
    if (event.key === 'ArrowRight') chosen = Math.min(last, chosen + 1)
    else if (event.key === 'ArrowLeft') chosen = Math.max(0, chosen - 1)
    else if (event.key === 'Home') chosen = 0
    else if (event.key === 'End') chosen = last
    else if (event.key === 'Escape') chosen = -1
    else return
    event.preventDefault()
    const left = chosen < 0 ? -10 : (chart?.valToPos(data.xs[chosen], 'x') ?? -10)
    chart?.setCursor({ left, top: chosen < 0 ? -10 : 10 })
    readAt(chosen < 0 ? null : chosen)
  })
}

/** The levels whose texts have room on the axis. */
function thinned(splits: readonly number[], width: number): (number | null)[] {
  const step = Math.max(1, Math.ceil((splits.length * 48) / Math.max(1, width - 80)))
  return splits.map((value, at) => (at % step === 0 ? value : null))
}

/** The charts by the name of their data, to inspect one from the console. */
const plots = new Map<string, UPlot>()
Object.assign(globalThis, { threadmapPlots: plots })

for (const picture of document.querySelectorAll<HTMLElement>('.picture')) {
  const output = picture.parentElement?.querySelector<HTMLElement>('.readout')
  const read = (text: string) => {
    if (output) output.textContent = text
  }
  const host = picture.querySelector<HTMLElement>('.plot')
  if (host === null) {
    readMarks(picture, read)
  } else {
    const island = document.getElementById(host.dataset.plot ?? '')
    plot(host, JSON.parse(island?.textContent ?? '{}') as PlotData, picture, read)
  }
}

for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy]')) {
  button.hidden = navigator.clipboard === undefined
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy ?? '')?.textContent ?? '')
    button.textContent = 'copied'
  })
}
