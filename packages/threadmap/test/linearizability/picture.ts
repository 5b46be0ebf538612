/** Draws a failing history for people: time runs down, each client has a column. */
import type { Failure } from './checker.js'
import { isPending, type Model, type Operation } from './history.js'

/** The picture shows this many events before the point of failure, and all after it that matter. */
const EVENTS_BEFORE = 40

interface Event<I, O> {
  readonly time: number
  readonly operation: Operation<I, O>
  readonly isReturn: boolean
}

function eventsOf<I, O>(operations: readonly Operation<I, O>[]): Event<I, O>[] {
  const events = operations.flatMap(operation => {
    const call = { time: operation.call, operation, isReturn: false }
    return isPending(operation) ? [call] : [call, { time: operation.return, operation, isReturn: true }]
  })
  return events.sort((a, b) => a.time - b.time || Number(a.isReturn) - Number(b.isReturn))
}

/** The operations near the failure: those called before the blocked one returns that return shortly before it or later. */
function nearby<S, I, O>(failure: Failure<S, I, O>): Event<I, O>[] {
  const { history, blocked } = failure
  const all = eventsOf(history)
  const upTo = all.filter(({ time }) => time <= blocked.return)
  const start = Math.min(upTo.at(-EVENTS_BEFORE)?.time ?? Number.NEGATIVE_INFINITY, blocked.call)
  const shown = history.filter(operation => operation.return >= start && operation.call <= blocked.return)
  return eventsOf(shown)
}

function summary<S, I, O>(failure: Failure<S, I, O>, model: Model<S, I, O>): string[] {
  const { history, placed, state, blocked, tried } = failure
  const candidates = history.filter(operation => !placed.includes(operation) && operation.call <= blocked.return)
  return [
    `No order explains these ${history.length} operations (${tried} were tried).`,
    `The longest order has ${placed.length} of them; after it the state is: ${model.describe(state)}.`,
    `Cannot be placed: client ${blocked.client} ${model.tell(blocked)}, called at ${blocked.call}, returned at ${blocked.return}.`,
    ...candidates.map(operation => {
      const fits = model.apply(state, operation) !== undefined
      const way = fits ? 'could come next, and leads no further' : 'cannot have returned that in this state'
      return `  client ${operation.client} ${model.tell(operation)}: ${way}`
    }),
  ]
}

/**
 * Text: `#n` is an operation's place in the longest order, `!!` marks the one that cannot be placed, `??` those that are not
 * in the order either.
 */
export function draw<S, I, O>(failure: Failure<S, I, O>, model: Model<S, I, O>): string {
  const events = nearby(failure)
  const clients = [...new Set(events.map(({ operation }) => operation.client))].sort((a, b) => a - b)
  const place = new Map(failure.placed.map((operation, index) => [operation, index + 1]))
  const label = (operation: Operation<I, O>): string => {
    const mark = operation === failure.blocked ? '!!' : place.has(operation) ? `#${place.get(operation)}` : '??'
    return `${mark} ${model.tell(operation)}`
  }
  const width = Math.max(14, ...events.map(({ operation }) => label(operation).length + 4))
  const running = new Map<number, Set<Operation<I, O>>>(clients.map(client => [client, new Set()]))
  const lines = [`${' '.repeat(10)}${clients.map(client => `client ${client}`.padEnd(width)).join('')}`.trimEnd()]
  for (const { time, operation, isReturn } of events) {
    const cells = clients.map(client => {
      const open = running.get(client)!
      if (client !== operation.client) return (open.size > 0 ? '|' : '').padEnd(width)
      return `${isReturn ? '+-' : '+ '}${isReturn ? '' : label(operation)}`.padEnd(width)
    })
    const open = running.get(operation.client)!
    if (isReturn) open.delete(operation)
    else open.add(operation)
    lines.push(`${String(time).padStart(8)}  ${cells.join('')}`.trimEnd())
  }
  return [...summary(failure, model), '', ...lines].join('\n')
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, char => `&#${char.charCodeAt(0)};`)
}

const ROW = 16
const COLUMN = 250

/** The whole history as an HTML file with an SVG: a bar per operation. Red: it cannot be placed. Grey: it is not in the order either. */
export function drawHtml<S, I, O>(failure: Failure<S, I, O>, model: Model<S, I, O>): string {
  const events = eventsOf(failure.history)
  const clients = [...new Set(failure.history.map(operation => operation.client))].sort((a, b) => a - b)
  const place = new Map(failure.placed.map((operation, index) => [operation, index + 1]))
  const rows = new Map<Operation<I, O>, [number, number]>()
  events.forEach(({ operation, isReturn }, row) => {
    rows.set(operation, isReturn ? [rows.get(operation)![0], row] : [row, events.length])
  })
  const bars = failure.history.map(operation => {
    const [from, to] = rows.get(operation)!
    const x = clients.indexOf(operation.client) * COLUMN + 10
    const color = operation === failure.blocked ? '#d33' : place.has(operation) ? '#9cc3e6' : '#bbb'
    const order = place.has(operation) ? `#${place.get(operation)} ` : ''
    return (
      `<rect x="${x}" y="${from * ROW + 30}" width="${COLUMN - 20}" height="${Math.max(to - from, 1) * ROW - 2}" fill="${color}" rx="3"/>` +
      `<text x="${x + 4}" y="${from * ROW + 42}">${escapeHtml(order + model.tell(operation))}</text>`
    )
  })
  const heads = clients.map((client, column) => `<text x="${column * COLUMN + 10}" y="18">client ${client}</text>`)
  const height = (events.length + 4) * ROW
  return [
    '<!doctype html><meta charset="utf-8"><title>A history that is not linearizable</title>',
    `<pre>${escapeHtml(summary(failure, model).join('\n'))}</pre>`,
    `<svg xmlns="http://www.w3.org/2000/svg" width="${clients.length * COLUMN}" height="${height}" font-family="monospace" font-size="11">`,
    ...heads,
    ...bars,
    '</svg>',
  ].join('\n')
}
