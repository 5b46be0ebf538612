/**
 * The long exploration: node build/test/explore/main.js [--only PATTERN] [--bound N] [--most N] [--random N] [--changes N]
 * [--minutes N] [--workers N] [--once]
 *   --only PATTERN   only scenarios whose name begins so; it begins with the kind of the map
 *   --once           ends with the first failure
 */
import { parseArgs } from 'node:util'
import { explore, report, table } from './run.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    bound: { type: 'string', default: '3' },
    most: { type: 'string', default: '200000' },
    random: { type: 'string', default: '2000' },
    changes: { type: 'string', default: '6' },
    minutes: { type: 'string', default: '30' },
    workers: { type: 'string' },
    once: { type: 'boolean', default: false },
  },
})
const started = performance.now()
const { rows, failures } = await explore({
  pattern: values.only,
  bound: Number(values.bound),
  most: Number(values.most),
  random: Number(values.random),
  changes: Number(values.changes),
  milliseconds: Number(values.minutes) * 60_000,
  once: values.once,
  ...(values.workers === undefined ? {} : { workers: Number(values.workers) }),
})
if (rows.length === 0) {
  console.error(`explore: the name of no scenario begins with ${values.only}`)
  process.exit(1)
}
console.log(table(rows))
console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`)
for (const failure of failures) console.log(`\n${report(failure)}`)
process.exitCode = failures.length > 0 ? 1 : 0
