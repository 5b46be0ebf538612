/** `5.31` for 5,312,000. */
export function millions(value: number): string {
  return (value / 1e6).toPrecision(3)
}

/** `1.42x`; two digits below a tenth, so that a slow subject does not become `0.00x`. */
export function factor(value: number): string {
  return `${value < 0.1 ? value.toPrecision(2) : value.toFixed(2)}x`
}

export function megabytes(bytes: number): string {
  const value = bytes / 1e6
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} MB`
}

/** `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}%`
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}
