/** A thread of a program that records what it does with a shared map. */
import { workerData } from 'node:worker_threads'
import { record } from '@threadmap/lab'
import { SyncMap } from 'threadmap'

const map = record(SyncMap.attach<string, number>(workerData.handle), workerData.file, { every: 1 })
map.set('worker', 1)
for (let i = 0; i < 500; i++) map.get('worker')
