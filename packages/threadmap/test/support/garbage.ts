import { setFlagsFromString } from 'node:v8'

let collect: (() => void) | undefined

/** Runs a full garbage collection, which collects all unreferenced objects. */
export async function collectGarbage(): Promise<void> {
  if (!collect) {
    setFlagsFromString('--expose-gc')
    const { runInNewContext } = await import('node:vm')
    collect = runInNewContext('gc') as () => void
  }
  // A WeakRef keeps its target alive until the end of the task that made it or dereferenced it.
  for (let round = 0; round < 3; round++) {
    await new Promise(resolve => setImmediate(resolve))
    collect()
  }
}
