import type { MessagePort } from 'node:worker_threads'
import type { ConcurrentMap } from 'threadmap'
import type { Counts, ToOwner } from './protocol.js'

/** One thread's way of counting: the thread calls `visit` with each word, and `finish` once after the last. */
export interface Counter {
  visit(word: string): void
  finish(): void
}

/**
 * Words per message. Measured on 2 cores, in M words/s: 3.1 with 256, 3.3 with 1,024, 3.4 with 4,096, 3.6 with 16,384. One
 * string that the owner splits, instead of an array of words, reached 2.4 at best.
 */
const BATCH_WORDS = 4096

/** Messages that a worker may be ahead of the owner: enough that the worker seldom waits. Without a bound the queue would hold all words. */
const BATCHES_AHEAD = 8

const nothing = () => {}

/** Makes the words and drops them. It adds up their lengths, so that the optimiser cannot remove the making. */
export function dropWords(): Counter & { readonly length: number } {
  let length = 0
  return {
    visit(word) {
      length += word.length
    },
    finish: nothing,
    get length() {
      return length
    },
  }
}

export function countInto(counts: Counts): Counter {
  return {
    visit(word) {
      counts.set(word, (counts.get(word) ?? 0) + 1)
    },
    finish: nothing,
  }
}

export function addTo(map: ConcurrentMap<string, number>): Counter {
  return {
    visit(word) {
      map.add(word, 1)
    },
    finish: nothing,
  }
}

/** Counts into a `Map` of this thread, and posts that map at the end. */
export function countAndPost(counts: Counts, port: Pick<MessagePort, 'postMessage'>): Counter {
  return {
    ...countInto(counts),
    finish() {
      port.postMessage(counts satisfies ToOwner)
    },
  }
}

/** Posts the words in batches. `absorbed[at]` is how many of them the owner has counted. */
export function postWords(port: Pick<MessagePort, 'postMessage'>, absorbed: Int32Array, at: number): Counter {
  let batch: string[] = []
  let sent = 0
  const post = () => {
    for (let done = Atomics.load(absorbed, at); sent - done >= BATCHES_AHEAD; done = Atomics.load(absorbed, at)) {
      Atomics.wait(absorbed, at, done)
    }
    port.postMessage(batch satisfies ToOwner)
    sent++
    batch = []
  }
  return {
    visit(word) {
      if (batch.push(word) === BATCH_WORDS) post()
    },
    finish() {
      post()
      port.postMessage(undefined satisfies ToOwner)
    },
  }
}

/**
 * The owner's part: adds up the messages of the workers, and calls `ended` with the sum when the last worker has posted its
 * last message. The first whole `Map` to arrive becomes the sum; the others are added to it.
 */
export function gather(
  ports: readonly MessagePort[],
  absorbed: (worker: number) => void,
  ended: (counts: Counts) => void,
): void {
  let sum: Counts | undefined
  let open = ports.length
  const close = () => {
    if (--open === 0) ended(sum ?? new Map())
  }
  for (const [worker, port] of ports.entries()) {
    port.on('message', (message: ToOwner) => {
      if (message === undefined) {
        close()
      } else if (message instanceof Map) {
        sum = sum === undefined ? message : merge(sum, message)
        close()
      } else {
        sum ??= new Map()
        countBatch(message, sum)
        absorbed(worker)
      }
    })
  }
}

function merge(sum: Counts, counts: Counts): Counts {
  for (const [word, count] of counts) sum.set(word, (sum.get(word) ?? 0) + count)
  return sum
}

export function countBatch(words: readonly string[], counts: Counts): void {
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
}
