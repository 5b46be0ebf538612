/** A method of a map, as the covers see it. */
export type Method = (...args: unknown[]) => unknown

/** The recorder, as a cover calls it when an operation is to be kept. */
export interface Sampler {
  readonly countdown: { left: number }
  /** Keeps an operation after it was done, by its result. */
  readonly told: (key: unknown, result: unknown) => void
  /** Keeps an operation and does it. */
  readonly asked: Method
}

/** A method that calls the covered method and counts down; when the countdown is over, the operation is kept. */
type Cover = (original: Method, sampler: Sampler) => Method

/**
 * The methods, their letters in the trace, and their covers. The code that V8 makes of a cover decides the cost of recording. Each
 * cover is written out, with the parameters of its method: functions made in a loop would share V8's type feedback with one another
 * and be several times slower, and a rest parameter would make an array for every call. The covers close over constants only
 * (parameters count as variables), so that the compiler sees the method and inlines it. `this` is the map, whose kind the caller's
 * code has checked already. The countdown comes after the operation where possible, because a call before the operation makes the
 * compiler forget that check. See docs/decisions/0006.
 */
export const METHODS: Readonly<Record<string, { readonly letter: string; readonly cover: Cover }>> = {
  // The results of these methods tell whether the key was there.
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
  // The results of these methods do not tell whether the key was there, so `has` comes before the operation.
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
