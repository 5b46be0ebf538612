/** Figures as text, for reasons of transitions, the page and the terminal. */

/** A latency in milliseconds as text. 0 is that of no operation, and a dash. */
export function duration(ms: number | null | undefined): string {
  if (!isFigure(ms) || ms === 0) return '–'
  if (ms >= 9_950) return `${(ms / 1000).toFixed(0)} s`
  if (ms >= 995) return `${(ms / 1000).toFixed(1)} s`
  if (ms >= 9.95) return `${ms.toFixed(0)} ms`
  return ms >= 0.995 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(2)} ms`
}

/** A count in at most four characters and a letter: `812`, `12.3k`, `4.1M`. */
export function count(value: number | null | undefined): string {
  if (!isFigure(value)) return '–'
  if (value >= 999_500) return `${(value / 1e6).toFixed(value < 9_950_000 ? 1 : 0)}M`
  if (value >= 9_950) return `${(value / 1000).toFixed(value < 99_950 ? 1 : 0)}k`
  if (value >= 9.95 || Number.isInteger(value)) return value.toFixed(0)
  return value.toFixed(1)
}

export function perSecond(value: number | null | undefined): string {
  return isFigure(value) ? `${count(value)}/s` : '–'
}

/** A share as a percentage: `12%`, `0.4%`, `<0.1%`. */
export function percent(share: number | null | undefined): string {
  if (!isFigure(share)) return '–'
  const value = share * 100
  if (value === 0) return '0%'
  if (value < 0.1) return '<0.1%'
  return value < 9.95 ? `${value.toFixed(1)}%` : `${value.toFixed(0)}%`
}

export function isFigure(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
