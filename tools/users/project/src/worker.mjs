import { workerData } from 'node:worker_threads'
import { FastMap } from 'threadmap'

const map = FastMap.attach(workerData)
map.set('ready', 1)
for (let i = 0; ; i++) map.set(`key ${i % 100}`, i)
