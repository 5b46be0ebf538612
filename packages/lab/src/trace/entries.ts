import { mean } from '@threadmap/workbench/statistics'
import type { AnyMapOptions } from '@threadmap/workbench/subjects/maps'
import { mapBytes, maxBytesFor } from '@threadmap/workbench/subjects/room'
import { flat, NUMBER_BYTES } from '@threadmap/workbench/workload'
import { bytes, type ConcurrentMap, f64, i64, json, string } from 'threadmap'
import type { KeyType, ValueType } from './format.js'
import type { Plan } from './plan.js'

/** Keys and values of a replay. They have the lengths and types of the program's; the trace has no contents. */
export type ReplayMap = ConcurrentMap<unknown, unknown>

/** A codec, and the text that names it in a program. */
const KEY_CODECS = {
  string: { text: 'string', codec: string },
  number: { text: 'f64', codec: f64 },
  bigint: { text: 'i64', codec: i64 },
  bytes: { text: 'bytes', codec: bytes },
  // Objects cannot be keys of a shared map, so the replay uses text in their place.
  other: { text: 'string', codec: string },
}
const VALUE_CODECS = {
  number: { text: 'f64', codec: f64 },
  string: { text: 'string', codec: string },
  bytes: { text: 'bytes', codec: bytes },
  json: { text: 'json()', codec: json<unknown>() },
}

export function codecsOf(plan: Plan): { key: string; value: string; options: AnyMapOptions<unknown, unknown> } {
  const [key, value] = [KEY_CODECS[plan.keyType], VALUE_CODECS[plan.valueType]]
  const most = plan.entries + (plan.threads * plan.temporary) / 2
  const valueBytes = plan.valueType === 'number' ? NUMBER_BYTES : mean(plan.valueBytes)
  const maxBytes = maxBytesFor(mapBytes(most, mean(plan.keyLengths), valueBytes))
  return {
    key: key.text,
    value: value.text,
    options: { key: key.codec, value: value.codec, capacity: plan.entries, maxBytes } as unknown as AnyMapOptions<
      unknown,
      unknown
    >,
  }
}

/** The `index`-th key; `family` separates the keys that come and go from the others. */
export function keyAt(index: number, family: number, type: KeyType, lengths: readonly number[]): unknown {
  const number = index * 256 + family
  if (type === 'number') return number
  if (type === 'bigint') return BigInt(number)
  // Digits first, since keys of programs seldom differ only at their ends.
  const text = number.toString(36).padEnd(lengths[index % lengths.length], '.')
  return type === 'bytes' ? new Uint8Array(Buffer.from(text, 'latin1')) : flat(text)
}

/** Several values, of the recorded sizes. */
export function valuesOf(type: ValueType, sizes: readonly number[]): unknown[] {
  return Array.from({ length: 64 }, (_, i) => {
    const size = sizes[i % sizes.length]
    switch (type) {
      case 'number':
        return i + 0.5
      case 'string':
        return flat(`${i}`.padEnd(size, 'v').slice(0, size))
      case 'bytes':
        return new Uint8Array(size).fill(i)
      default:
        // The braces, the name and the quotes are part of the size.
        return { v: 'v'.repeat(Math.max(0, size - 8)) }
    }
  })
}

/** Fills a map with the entries that a replay begins with. */
export function fillFor(map: { set(key: unknown, value: unknown): unknown }, plan: Plan): void {
  const values = valuesOf(plan.valueType, plan.valueBytes)
  for (let i = 0; i < plan.entries; i++) {
    map.set(keyAt(i, 0, plan.keyType, plan.keyLengths), values[i % values.length])
  }
  for (let thread = 0; thread < plan.threads; thread++) {
    for (let i = 0; i < plan.temporary / 2; i++) {
      map.set(keyAt(i, 1 + thread, plan.keyType, plan.keyLengths), values[i % values.length])
    }
  }
}
