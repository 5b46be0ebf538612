/** A program that does not end when it is interrupted. */
import { interruptible } from '@threadmap/workbench/interrupt'

await interruptible(() => {
  process.stdout.write('working\n')
  return new Promise(() => setInterval(() => {}, 1000))
}, 100)
