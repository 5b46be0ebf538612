import { setFlagsFromString } from 'node:v8'

let collect: (() => void) | undefined

/** A full garbage collection, so that what nobody refers to is gone. */
export async function collectGarbage(): Promise<void> {
  if (!collect) {
    setFlagsFromString('--expose-gc')
    const { runInNewContext } = await import('node:vm')
    collect = runInNewContext('gc') as () => void
  }
  // A WeakRef keeps what it was made of, or gave out, alive until the current task ends.
  for (let round = 0; round < 3; round++) {
    await new Promise(resolve => setImmediate(resolve))
    collect()
  }
}
