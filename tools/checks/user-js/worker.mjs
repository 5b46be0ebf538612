import { workerData } from 'node:worker_threads'
import { FastMap } from 'threadmap'

const hits = FastMap.attach(workerData.hits)
for (let i = 0; i < 1000; i++) hits.add('/index.html', 1)
