/** Runs the smoke test in a process of its own and prints its results as one line of JSON. */
import { smoke } from './smoke.js'

console.log(`results ${JSON.stringify(await smoke())}`)
process.exit(0)
