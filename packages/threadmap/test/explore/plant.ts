/** Puts a planted fault into the source file that it changes. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Fault } from './faults.js'

/** packages/threadmap. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

/** Whether the fault is one of JavaScript's side: its compiled text is changed. */
export function isCompiled({ file }: Fault): boolean {
  return file.startsWith('src/')
}

/** The file whose text is changed, in packages/threadmap. */
export function sourceFile(fault: Fault): string {
  return isCompiled(fault) ? fault.file.replace(/^src/, 'dist').replace(/\.ts$/, '.js') : `kernel/${fault.file}`
}

/** The fault cannot be planted: its text does not occur in the file, or occurs more than once. */
export class AnchorGone extends Error {}

/** The source with the fault in it. */
export function plant(fault: Fault, source: string): string {
  const found = source.split(fault.find).length - 1
  if (found !== 1)
    throw new AnchorGone(`its text stands in ${fault.file} ${found} times: change it in test/explore/faults.ts`)
  return source.replace(fault.find, () => fault.replace)
}
