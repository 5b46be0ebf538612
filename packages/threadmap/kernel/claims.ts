/**
 * Claims: keys that a `getOrInsertComputed` is at. A claim has a lock that is held while the user's function runs (no lock of
 * the map is), and a bit for each thread that holds it or waits. Keys are told apart by a 64-bit hash; two that share
 * one merely wait for each other.
 */
import { cas32, load32, load64, put64, store32 } from './atomics'
import {
  C_HASH,
  C_LOCK,
  C_THREADS,
  CLAIM_COUNT,
  CLAIM_SIZE,
  CLAIMS,
  E_CLAIMS,
  E_RECURSIVE,
  H_CLAIM_LOCK,
  H_COMPUTE_TIMEOUT,
  SLOT_COUNT,
} from './layout'
import { lock, lockSlowly, ownerOf, unlock } from './lock'
import { hashKey } from './table'
import { me } from './thread'

const WORDS: u32 = SLOT_COUNT / 32

function placeOf(claim: u32, owner: u32): u32 {
  return claim + C_THREADS + ((owner - 1) >> 5) * 4
}

function bitOf(owner: u32): u32 {
  return (<u32>1) << ((owner - 1) & 31)
}

function isUsed(claim: u32): bool {
  for (let i: u32 = 0; i < WORDS; i++) if (load32(claim + C_THREADS + i * 4) != 0) return true
  return false
}

/**
 * Takes the claim of the key in the key area; waits while another thread has it. Returns its address, or an error. The
 * caller has to look whether the key is there now.
 */
export function beginClaim(meta: u32): i32 {
  const hash = hashKey(meta)
  const locked = lock(H_CLAIM_LOCK)
  if (locked < 0) return locked
  let claim: u32 = 0
  for (let i: u32 = 0; i < CLAIM_COUNT; i++) {
    const candidate = CLAIMS + i * CLAIM_SIZE
    if (!isUsed(candidate)) {
      if (claim == 0) claim = candidate
    } else if (load64(candidate + C_HASH) == hash) {
      claim = candidate
      break
    }
  }
  if (claim == 0) {
    unlock(H_CLAIM_LOCK)
    return E_CLAIMS
  }
  if (ownerOf(claim + C_LOCK) == me) {
    unlock(H_CLAIM_LOCK)
    return E_RECURSIVE
  }
  put64(claim + C_HASH, hash)
  setBit(claim, true)
  unlock(H_CLAIM_LOCK)
  if (cas32(claim + C_LOCK, 0, me) == 0) return claim
  const code = lockSlowly(claim + C_LOCK, <f64>load<u32>(H_COMPUTE_TIMEOUT))
  if (code >= 0) return claim
  leave(claim)
  return code
}

/** Lets go of a claim, whether its key was inserted or not: the next one who waits looks for itself. */
export function endClaim(claim: u32): void {
  unlock(claim + C_LOCK)
  leave(claim)
}

function leave(claim: u32): void {
  // Each thread changes its own bit, but 32 of them share a word.
  if (lock(H_CLAIM_LOCK) < 0) return
  setBit(claim, false)
  unlock(H_CLAIM_LOCK)
}

function setBit(claim: u32, on: bool): void {
  const place = placeOf(claim, me)
  store32(place, on ? load32(place) | bitOf(me) : load32(place) & ~bitOf(me))
}

/** Lets go of everything that a dead thread claimed. */
export function dropClaims(owner: u32): bool {
  if (lock(H_CLAIM_LOCK) < 0) return false
  for (let i: u32 = 0; i < CLAIM_COUNT; i++) {
    const claim = CLAIMS + i * CLAIM_SIZE
    const seen = load32(claim + C_LOCK)
    if (ownerOf(claim + C_LOCK) == owner && cas32(claim + C_LOCK, seen, 0) == seen) atomic.notify(claim + C_LOCK, 1)
    const place = placeOf(claim, owner)
    store32(place, load32(place) & ~bitOf(owner))
  }
  unlock(H_CLAIM_LOCK)
  return true
}
