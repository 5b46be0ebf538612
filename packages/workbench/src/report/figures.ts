import type { Axis, Bar } from '../experiment.js'

/** About three significant digits: `57.9`, `1,240`, `0.032`. */
export function figure(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size >= 1e15 || size < 1e-4) return value.toExponential(2)
  const digits = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(size))))
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

export function withUnit(value: number, { unit }: Pick<Axis, 'unit'>): string {
  if (unit === '') return figure(value)
  return unit === '%' ? `${figure(value)}%` : `${figure(value)} ${unit}`
}

/** `57.9 M/s (quartiles 55 to 60.1)`. */
export function barText({ y, low, high }: Bar, axis: Axis): string {
  // NaN becomes null on its way through JSON.
  const quartiles = low == null || high == null ? '' : ` (quartiles ${figure(low)} to ${figure(high)})`
  return withUnit(y, axis) + quartiles
}

export function axisText({ label, unit }: Axis): string {
  return unit === '' ? label : `${label} (${unit})`
}

/** The position of a value between the ends of an axis, 0 to 1. */
export interface Scale {
  readonly low: number
  readonly high: number
  readonly isLog: boolean
  at(value: number): number
}

/** A scale over `values`; a linear one begins at 0 if `fromZero`. */
export function scaleOver(values: readonly number[], isLog: boolean, fromZero: boolean): Scale {
  const usable = values.filter(value => Number.isFinite(value) && (!isLog || value > 0))
  const most = usable.length === 0 ? 1 : Math.max(...usable)
  const least = usable.length === 0 ? 0 : Math.min(...usable)
  const low = isLog
    ? fromZero
      ? 10 ** Math.floor(Math.log10(least || 1) - 1e-9)
      : least
    : fromZero
      ? Math.min(0, least)
      : least
  const high = most > low ? most : low + 1
  const place = isLog
    ? (value: number) => Math.log(value / low) / Math.log(high / low)
    : (value: number) => (value - low) / (high - low)
  return { low, high, isLog, at: value => (isLog && value <= 0 ? 0 : Math.min(1, Math.max(0, place(value)))) }
}
