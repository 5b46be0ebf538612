/** A method of a map, as the covers see it. */
export type Method = (...args: unknown[]) => unknown

/** What a cover calls when an operation is to be kept. */
export interface Sampler {
  readonly countdown: { left: number }
  /** Keeps an operation that is done, by its result. */
  readonly told: (key: unknown, result: unknown) => void
  /** Keeps an operation and does it. */
  readonly asked: Method
}

/** A method that does what it covers and counts down; when the countdown is over, the operation is kept. */
type Cover = (original: Method, sampler: Sampler) => Method

/**
 * The methods, their letter in the trace, and what covers them. What V8 makes of them decides what recording costs. Each stands
 * written out, with as many parameters as it has: a function made in a loop would share what V8 learns about its calls
 * with all the others and be several times slower, and a rest parameter would make an array for every call. What they
 * close over are constants (parameters count as variables), so that the compiler sees the method and inlines it; `this` is
 * the map, whose kind the caller's code has checked already; and what counts comes after the operation where it can,
 * for whatever stands before it takes that certainty away. See docs/decisions/0006.
 */
export const METHODS: Readonly<Record<string, { readonly letter: string; readonly cover: Cover }>> = {
  // Their results tell whether the key was there.
  get: {
    letter: 'g',
    cover(original, { told, countdown }) {
      const f = original
      const keep = told
      const count = countdown
      return function (this: object, k) {
        const result = f.call(this, k)
        if (--count.left === 0) keep(k, result)
        return result
      }
    },
  },
  has: {
    letter: 'h',
    cover(original, { told, countdown }) {
      const f = original
      const keep = told
      const count = countdown
      return function (this: object, k) {
        const result = f.call(this, k)
        if (--count.left === 0) keep(k, result)
        return result
      }
    },
  },
  delete: {
    letter: 'd',
    cover(original, { told, countdown }) {
      const f = original
      const keep = told
      const count = countdown
      return function (this: object, k) {
        const result = f.call(this, k)
        if (--count.left === 0) keep(k, result)
        return result
      }
    },
  },
  getAndDelete: {
    letter: 'd',
    cover(original, { told, countdown }) {
      const f = original
      const keep = told
      const count = countdown
      return function (this: object, k) {
        const result = f.call(this, k)
        if (--count.left === 0) keep(k, result)
        return result
      }
    },
  },
  swap: {
    letter: 'm',
    cover(original, { told, countdown }) {
      const f = original
      const keep = told
      const count = countdown
      return function (this: object, k, v) {
        const result = f.call(this, k, v)
        if (--count.left === 0) keep(k, result)
        return result
      }
    },
  },
  // For these one has to ask before.
  set: {
    letter: 'u',
    cover(original, { asked, countdown }) {
      const f = original
      const keep = asked
      const count = countdown
      return function (this: object, k, v) {
        return --count.left === 0 ? keep(k, v) : f.call(this, k, v)
      }
    },
  },
  add: {
    letter: 'a',
    cover(original, { asked, countdown }) {
      const f = original
      const keep = asked
      const count = countdown
      return function (this: object, k, v) {
        return --count.left === 0 ? keep(k, v) : f.call(this, k, v)
      }
    },
  },
  update: {
    letter: 'p',
    cover(original, { asked, countdown }) {
      const f = original
      const keep = asked
      const count = countdown
      return function (this: object, k, v) {
        return --count.left === 0 ? keep(k, v) : f.call(this, k, v)
      }
    },
  },
  getOrInsert: {
    letter: 'o',
    cover(original, { asked, countdown }) {
      const f = original
      const keep = asked
      const count = countdown
      return function (this: object, k, v) {
        return --count.left === 0 ? keep(k, v) : f.call(this, k, v)
      }
    },
  },
  getOrInsertComputed: {
    letter: 'o',
    cover(original, { asked, countdown }) {
      const f = original
      const keep = asked
      const count = countdown
      return function (this: object, k, v) {
        return --count.left === 0 ? keep(k, v) : f.call(this, k, v)
      }
    },
  },
  compareAndDelete: {
    letter: 'd',
    cover(original, { asked, countdown }) {
      const f = original
      const keep = asked
      const count = countdown
      return function (this: object, k, v) {
        return --count.left === 0 ? keep(k, v) : f.call(this, k, v)
      }
    },
  },
  compareAndSwap: {
    letter: 'm',
    cover(original, { asked, countdown }) {
      const f = original
      const keep = asked
      const count = countdown
      return function (this: object, k, e, v) {
        return --count.left === 0 ? keep(k, e, v) : f.call(this, k, e, v)
      }
    },
  },
}
