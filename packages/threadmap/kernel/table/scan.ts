/**
 * Iteration. Tables are in hash order at every size, so a position in the hash space is a cursor that survives growth,
 * shrinking and compaction. A step collects all live entries whose home is one bucket, validated like a read: so a
 * key that is present throughout is seen exactly once, and none twice.
 *
 * Source of the idea: the SCAN cursor of Redis, without its repetitions.
 */
import { load64, reach } from '../atomics'
import {
  ABSENT,
  BUCKET,
  D_TABLE,
  E_AREA,
  ENTRY_KEY,
  META_LENGTH,
  META_MARK,
  PAGE,
  PRESENT,
  R_BYTES,
  R_SCAN_COUNT,
  R_SCAN_DONE,
  R_SCAN_NEXT,
  R_SCAN_SENT,
  R_SHARD,
  R_VERSION,
  RECORD_ENTRY,
  RECORD_GENERATION,
  RECORD_KEY,
  RECORD_META,
  RESULT_AREA,
} from '../layout'
import { damaged, MOST_TRIES } from '../memory/damage'
import { push } from './carry'
import { sameHead } from './entry'
import { addressOf, bitsOf, copyWords, homeOf, lastBucket, passedOf, TAGS } from './table'
import { fits, resultAt } from './value'

/** A batch ends with the bucket that fills it with this many entries, or after so many buckets (a lock may be held). */
const BATCH_ENTRIES: u32 = 64
const BATCH_BUCKETS: u32 = 2048
/** The bytes of records that the result area holds. */
const ROOM: u32 = PAGE - RESULT_AREA - R_BYTES

/** Where the batch ends now, and how many records it has. */
let end: u32 = 0
let records: u32 = 0
/**
 * How many bytes of the batch are in the private window. A home whose keys do not fit into the result area has a batch of its own, which
 * goes through the area into the window.
 */
let sent: u32 = 0

/**
 * Collects entries of a shard from `position` in its hash space on. R_SCAN_COUNT and the words beside it describe the batch. Where
 * R_SCAN_SENT is 1, nobody has looked yet which of the entries died meanwhile (see `isRecordLive`).
 */
export function collect(shard: u32, from: u32): i32 {
  end = 0
  records = 0
  sent = 0
  let position = from
  let done: u32 = 0
  let buckets: u32 = 0
  let tries: u32 = 0
  // The first table word of the batch: all records were true after it.
  let version = <u32>(load64(shard + D_TABLE) >> 32)
  while (records < BATCH_ENTRIES && buckets < BATCH_BUCKETS) {
    const word = load64(shard + D_TABLE)
    const bits = bitsOf(word)
    const home = homeOf(position, bits)
    const endBefore = end
    const recordsBefore = records
    const code = collectHome(shard, word, home, position, records == 0)
    if (code == E_AREA && recordsBefore > 0) {
      end = endBefore
      records = recordsBefore
      break
    }
    if (code < 0) return code
    if (code == ABSENT) {
      if (++tries == MOST_TRIES) damaged()
      end = endBefore
      records = recordsBefore
      sent = 0
      continue
    }
    if (buckets++ == 0) version = <u32>(word >> 32)
    const next = (<u64>(home + 1)) << (32 - bits)
    if (next >> 32 != 0) {
      done = 1
      break
    }
    position = <u32>next
    if (sent > 0) break
  }
  const isSent = sent > 0
  if (isSent) send()
  store<u32>(resultAt + R_SCAN_COUNT, records)
  store<u32>(resultAt + R_SCAN_NEXT, position)
  store<u32>(resultAt + R_SCAN_DONE, done)
  store<u32>(resultAt + R_SHARD, shard)
  store<u32>(resultAt + R_VERSION, version)
  store<u32>(resultAt + R_SCAN_SENT, isSent ? 1 : 0)
  return PRESENT
}

/**
 * The live entries with this home, from `position` on. ABSENT: the table changed meanwhile. `maySend`: they are the first of
 * the batch.
 */
function collectHome(shard: u32, word: u64, home: u32, position: u32, maySend: bool): i32 {
  const bits = bitsOf(word)
  const mask = lastBucket(word)
  reach(addressOf(word) + mask)
  const start = home * BUCKET
  const first = end
  let at = start
  do {
    const bucket = addressOf(word) + at
    const tags = load64(bucket)
    if ((tags & TAGS) != 0) {
      for (let slot = bucket + 8; slot < bucket + BUCKET; slot += 8) {
        let code = ABSENT
        // The slot is read again while it changes: its entry may only have moved.
        for (let tries: u32 = 0; code == ABSENT; tries++) {
          if (tries == MOST_TRIES) damaged()
          const content = load64(slot)
          const hash32 = <u32>(content >> 32)
          if (<u32>content == 0 || hash32 < position || homeOf(hash32, bits) != home) break
          if (load64(shard + D_TABLE) != word) return ABSENT
          code = addRecord(slot, content, maySend)
        }
        // While the table is the current one, its references are good, and so was the length.
        if (code < 0) return load64(shard + D_TABLE) == word ? code : ABSENT
      }
    }
    if (passedOf(tags) == 0) break
    at = (at + BUCKET) & mask
  } while (at != start)
  if (sent == 0) dropDead(first)
  return load64(shard + D_TABLE) == word ? PRESENT : ABSENT
}

/**
 * Drops the records from `first` on whose entries have died since. A key that was removed and set again meanwhile may have
 * been met in both its slots; those that are left lived all at one moment, and then each key had one entry.
 */
function dropDead(first: u32): void {
  let to = first
  let at = first
  while (at < end) {
    const record = resultAt + R_BYTES + at
    const meta = load<u32>(record + RECORD_META)
    const size = RECORD_KEY + (((meta & META_LENGTH) + 7) & ~7)
    if (sameHead(load<u32>(record + RECORD_ENTRY), ((<u64>meta) << 32) | <u64>load<u32>(record + RECORD_GENERATION))) {
      if (to != at) copyWords(resultAt + R_BYTES + to, record, size)
      to += size
    } else {
      records--
    }
    at += size
  }
  end = to
}

/** Whether the entry of a record is still alive. */
export function isRecordLive(entry: u32, generation: u32, meta: u32): bool {
  return sameHead(entry, ((<u64>meta) << 32) | <u64>generation)
}

/**
 * Adds a record, unless the entry is not in the map. ABSENT: something changed meanwhile. The entry may have died since its
 * slot was read, and its block serve another key of this shard, which has a slot of its own: so while the entry lives, the
 * slot must still be its own.
 */
function addRecord(slot: u32, content: u64, maySend: bool): i32 {
  const entry = <u32>content
  reach(entry)
  const head = load64(entry)
  // The entry is not in the map, yet or any more. Its writer may be dead: waiting for the slot to change could last for ever.
  if ((head & 1) != 0) return PRESENT
  const meta = <u32>(head >> 32) & ~META_MARK
  const length = ((meta & META_LENGTH) + 7) & ~7
  const start = end
  const size = RECORD_KEY + length
  if (end - sent + size > ROOM) {
    // A length is believed only of an entry that was there: its block can have become anything since.
    if (load64(slot) != content || !sameHead(entry, head)) return ABSENT
    if (!maySend || !fits(end + size)) return E_AREA
    send()
  } else if (sent > 0 && !fits(end + size)) {
    return E_AREA
  }
  const record = resultAt + R_BYTES + end - sent
  store<u32>(record + RECORD_ENTRY, entry)
  store<u32>(record + RECORD_GENERATION, <u32>head)
  store<u32>(record + RECORD_META, meta)
  end += RECORD_KEY
  if (size <= ROOM) {
    copyWords(record + RECORD_KEY, entry + ENTRY_KEY, length)
    end += length
  } else {
    sendKey(entry + ENTRY_KEY, length)
  }
  if (load64(slot) == content && sameHead(entry, head)) {
    records++
    return PRESENT
  }
  end = start
  sent = min(sent, start)
  return ABSENT
}

/** Moves the content of the area into the private window. */
function send(): void {
  push(resultAt + R_BYTES, sent, end - sent)
  sent = end
}

/** Sends a key that is longer than the area, piece by piece. */
function sendKey(from: u32, length: u32): void {
  for (let offset: u32 = 0; offset < length; ) {
    const size = min(length - offset, ROOM - (end - sent))
    copyWords(resultAt + R_BYTES + end - sent, from + offset, size)
    offset += size
    end += size
    send()
  }
}
