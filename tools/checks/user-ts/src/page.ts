// A page's code: no declarations of Node.
import { FastMap, f64, string } from 'threadmap'
import { type GuardReport, guard } from 'threadmap/guard'
import * as sync from 'threadmap/sync'

const visits = new FastMap({ key: string, value: f64 })
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
worker.postMessage({ visits: visits.handle })
for (const [page, count] of visits) console.log(page, count.toFixed())
console.log(Object.keys(sync))
const sessions: Map<string, { user: string }> = guard(new Map<string, { user: string }>(), {
  onReport: (report: GuardReport) => console.log(report.message),
})
console.log(sessions.size)
