import assert from 'node:assert/strict'
import { CodecError, FastMap, f64, string } from 'threadmap'
import { type AnyMap, TEST_BYTES } from './maps.js'

class Registry extends Map<number, number> {}

/** Values of which JSON.stringify makes `{}`: refused at the top and inside, in production too. */
export const lost: Record<string, unknown> = {
  'a Promise': Promise.resolve(1),
  'a Map': new Map([[1, 2]]),
  'a Set': new Set([1]),
  'a WeakMap': new WeakMap(),
  'a RegExp': /x/,
  'an Error': new Error('x'),
  'an ArrayBuffer': new ArrayBuffer(2),
  'a subclass of Map': new Registry([[1, 2]]),
  URLSearchParams: new URLSearchParams('a=b'),
  'an iterator': new Map().keys(),
  'a FastMap': new FastMap({ key: string, value: f64, maxBytes: TEST_BYTES }),
}

/** Values that JSON.stringify drops or changes: refused at the top, and inside in development. */
export const lostInside: Record<string, unknown> = {
  'a function': () => 1,
  'a symbol': Symbol('s'),
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  'a Float64Array': new Float64Array(2),
  'a Uint8Array': new Uint8Array(2),
  'an invalid Date': new Date(Number.NaN),
}

/** Every operation that takes a value refuses this one, and leaves an empty map empty. */
export function refusedBy(map: AnyMap, value: unknown, what: RegExp): void {
  const refused = (error: unknown): boolean => error instanceof CodecError && what.test(error.message)
  for (const act of [
    () => map.set('the key', value),
    () => map.swap('the key', value),
    () => map.getOrInsert('the key', value),
    () => map.getOrInsertComputed('the key', () => value),
    () => map.update('the key', () => value),
  ]) {
    assert.throws(act, refused, String(what))
    assert.equal(map.size, 0)
  }
}
