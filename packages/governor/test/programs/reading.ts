/** A thread that reads key `3:a` some times, says so, and stays attached. */
import { parentPort, workerData } from 'node:worker_threads'
import { Governor, type GovernorHandle } from '@threadmap/governor'

const { handle, reads } = workerData as { handle: GovernorHandle; reads: number }
const governor = Governor.attach(handle, { shardOf: key => Number(key.slice(0, 1)) })
for (let i = 0; i < reads; i++) await governor.read('3:a', async () => i)
parentPort?.postMessage('read')
setInterval(() => governor.snapshot(), 60_000)
