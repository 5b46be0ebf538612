/** The size classes of blocks in slabs, and those of small tables. */
import { BUCKET } from '../layout'

/** Classes of blocks: steps of an eighth to a quarter, so that at most a fifth of a block is lost. */
export const BLOCK_CLASSES: u32 = 24
/** Classes of tables with 1 to 16 buckets. Tables have no header, so they never share a class with blocks. */
export const TABLE_CLASSES: u32 = 5
export const CLASSES: u32 = BLOCK_CLASSES + TABLE_CLASSES
export const LARGEST_BLOCK: u32 = 2016

export function classOf(size: u32): u32 {
  if (size <= 64) return size <= 16 ? 0 : ((size + 7) >> 3) - 2
  if (size <= 128) return 7 + ((size - 65) >> 4)
  if (size <= 256) return 11 + ((size - 129) >> 5)
  if (size <= 512) return 15 + ((size - 257) >> 6)
  if (size <= 640) return 19
  if (size <= 768) return 20
  if (size <= 1008) return 21
  if (size <= 1344) return 22
  return 23
}

export function sizeOf(cls: u32): u32 {
  if (cls >= BLOCK_CLASSES) return BUCKET << (cls - BLOCK_CLASSES)
  if (cls < 7) return (cls + 2) << 3
  if (cls < 11) return 64 + ((cls - 6) << 4)
  if (cls < 15) return 128 + ((cls - 10) << 5)
  if (cls < 19) return 256 + ((cls - 14) << 6)
  if (cls == 19) return 640
  if (cls == 20) return 768
  if (cls == 21) return 1008
  if (cls == 22) return 1344
  return LARGEST_BLOCK
}
