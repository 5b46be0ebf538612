import { freemem } from 'node:os'

/** Bytes of memory that this program may still take: a container may have less than the machine. */
export function freeBytes(): number {
  const { availableMemory } = process as { availableMemory?: () => number }
  return Math.min(freemem(), availableMemory?.() ?? Number.POSITIVE_INFINITY)
}

/** `1.20 GB`, `34.5 MB`, `6.7 kB`. */
export function bytesText(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} GB`
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e3).toFixed(1)} kB`
}
