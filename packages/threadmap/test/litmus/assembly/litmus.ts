/**
 * Litmus tests of the orders that the kernel relies on, made of the kernel's own accesses. Each of two threads runs one side
 * (`role`), in lockstep or freely; its observation in iteration `i` goes to result words of its own.
 */
import {
  add32,
  cas32,
  exchange64,
  get32,
  load32,
  load64,
  put32,
  put64,
  store32,
  store64,
} from '../../../kernel/atomics'

const READY: u32 = 0
const X: u32 = 256
const Y: u32 = 512
/** A block: header {meta | generation}, then content. */
const BLOCK: u32 = 1024
const SECOND: u32 = 1280
const WORDS: u32 = 6
/** The word that names the current block, as an entry's value word does. */
const WORD: u32 = 1536
const DONE: u32 = 1792
/** Reads of each kind after which a race has been tested. */
const ENOUGH: u32 = 20

/** Both sides leave this within a few nanoseconds of each other, if they run at once. */
function meet(i: u32): void {
  add32(READY, 1)
  while (load32(READY) < 2 * i) {}
}

/** Some nanoseconds, different for the two sides from one iteration to the next. */
function stagger(i: u32, role: u32): void {
  const steps = ((i * 2654435761) >> (role == 0 ? 28 : 24)) & 15
  for (let n: u32 = 0; n < steps; n++) get32(DONE)
}

/** Store buffering, with the kernel's atomics or with plain accesses. The result says whether this side saw the other side's store. */
export function storeBuffering(role: u32, count: u32, results: u32, plain: bool): void {
  const mine = role == 0 ? X : Y
  const other = role == 0 ? Y : X
  for (let i: u32 = 1; i <= count; i++) {
    meet(i)
    let seen: u32
    if (plain) {
      put32(mine, i)
      seen = get32(other)
    } else {
      store32(mine, i)
      seen = load32(other)
    }
    store<u8>(results + i, <u8>(seen >= i))
  }
}

/** Dekker's shape with read-modify-write: as a lock's owner and its sleeper bit, a reader's name and its count. */
export function exchangeBuffering(role: u32, count: u32, results: u32): void {
  const mine = role == 0 ? X : Y
  const other = role == 0 ? Y : X
  for (let i: u32 = 1; i <= count; i++) {
    meet(i)
    cas32(mine, i - 1, i)
    store<u8>(results + i, <u8>(load32(other) >= i))
  }
}

/**
 * Message passing: content, plain as in writeEntry, then an atomic store that publishes it. Result of side 1: 1 if it saw the flag
 * without the content.
 */
export function messagePassing(role: u32, count: u32, results: u32): void {
  for (let i: u32 = 1; i <= count; i++) {
    meet(i)
    stagger(i, role)
    if (role == 0) {
      put64(X, i)
      put64(X + 64, i)
      store64(Y, i)
    } else {
      const flag = load64(Y)
      const first = load64(X)
      const second = load64(X + 64)
      store<u8>(results + i, <u8>(flag == i ? (first != i || second != i ? 1 : 2) : 0))
    }
  }
}

/**
 * A block that is freed and used again: the generation becomes odd, then the first word of the content is overwritten plainly. Between
 * stands an atomic load, as between a free and whatever uses the block next (a lock, at least): without one a plain store
 * may be seen first on arm64. Result of side 1: 1 if it saw new content under the old generation.
 */
export function freeThenReuse(role: u32, count: u32, results: u32): void {
  for (let i: u32 = 1; i <= count; i++) {
    meet(i)
    stagger(i, role)
    if (role == 0) {
      store32(BLOCK, i)
      load32(BLOCK)
      put32(BLOCK + 8, i)
    } else {
      const content = load32(BLOCK + 8)
      const generation = load32(BLOCK)
      store<u8>(results + i, <u8>(content == i ? (generation != i ? 1 : 2) : 0))
    }
  }
}

function fill(block: u32, value: u32): void {
  for (let word: u32 = 1; word <= WORDS; word++) put64(block + word * 8, ((<u64>value) << 32) | <u64>(value * word))
}

/** Whether the words are those of one `fill`; its value, or 0. */
function read(block: u32): u32 {
  const first = load64(block + 8)
  const value = <u32>(first >> 32)
  let torn = <u32>first != value
  for (let word: u32 = 2; word <= WORDS; word++) {
    if (load64(block + word * 8) != (((<u64>value) << 32) | <u64>(value * word))) torn = true
  }
  return torn ? 0 : value
}

/** True until side 1 has read often enough and met the writer: on a busy machine one of the two may wait for a core. */
function goesOn(reads: u32, count: u32, whole: u32, torn: u32): bool {
  return reads < count || (reads < count * 500 && (whole < ENOUGH || torn < ENOUGH))
}

/**
 * The validated read of an entry that dies and is used again: the header before and after. Side 0 writes; side 1 counts at
 * `results`: reads that were valid, and whole; valid and torn or of another generation; not valid; and torn without being valid.
 */
export function validatedRead(role: u32, count: u32, results: u32): void {
  meet(1)
  if (role == 0) {
    for (let i: u32 = 1; load32(DONE) == 0; i++) {
      const generation = get32(BLOCK)
      store32(BLOCK, generation + 1)
      // As in memory/slabs.ts: a thread that frees or takes a block makes an atomic access before the content changes.
      load32(BLOCK)
      fill(BLOCK, generation + 2)
      store32(BLOCK, generation + 2)
      stagger(i, 0)
    }
    return
  }
  let whole: u32 = 0
  let wrong: u32 = 0
  let invalid: u32 = 0
  let torn: u32 = 0
  for (let reads: u32 = 0; goesOn(reads, count, whole, torn); reads++) {
    const head = load64(BLOCK)
    if ((head & 1) != 0) {
      invalid++
      continue
    }
    const value = read(BLOCK)
    if (load64(BLOCK) != head) {
      invalid++
      if (value == 0) torn++
    } else if (value == <u32>head) {
      whole++
    } else if (<u32>head != 0) {
      wrong++
    }
  }
  store32(DONE, 1)
  store<u32>(results, whole)
  store<u32>(results + 4, wrong)
  store<u32>(results + 8, invalid)
  store<u32>(results + 12, torn)
}

/**
 * A value that moves between two blocks: content, generation, then the word that names both; as setWord and copyOutValidated.
 * Counts as above.
 */
export function valueWord(role: u32, count: u32, results: u32): void {
  meet(1)
  if (role == 0) {
    for (let i: u32 = 1; load32(DONE) == 0; i++) {
      const block = (i & 1) != 0 ? BLOCK : SECOND
      // The block has been free since it was swapped out: its generation is odd. It becomes live before another thread knows it; then it is filled.
      const generation = get32(block) + (i <= 2 ? 2 : 1)
      store32(block, generation)
      fill(block, generation)
      const old = exchange64(WORD, ((<u64>generation) << 32) | <u64>block)
      if (<u32>old != 0) {
        const freed = <u32>old
        store32(freed, get32(freed) + 1)
        // The link of the free list follows at once; it is atomic, as in memory/slabs.ts.
        store32(freed + 12, 0)
      }
    }
    return
  }
  let whole: u32 = 0
  let wrong: u32 = 0
  let invalid: u32 = 0
  let torn: u32 = 0
  for (let reads: u32 = 0; goesOn(reads, count, whole, torn); reads++) {
    const word = load64(WORD)
    if (word == 0) continue
    const block = <u32>word
    const head = load64(block)
    if (<u32>head != <u32>(word >> 32)) {
      invalid++
      continue
    }
    const value = read(block)
    if (<u32>load64(block) != <u32>head) {
      invalid++
      if (value == 0) torn++
    } else if (value == <u32>head) {
      whole++
    } else {
      wrong++
    }
  }
  store32(DONE, 1)
  store<u32>(results, whole)
  store<u32>(results + 4, wrong)
  store<u32>(results + 8, invalid)
  store<u32>(results + 12, torn)
}
