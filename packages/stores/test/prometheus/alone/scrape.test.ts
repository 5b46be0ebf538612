// Debian's Prometheus scrapes one thread, and reads what all workers counted.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { SharedRegistry } from '@threadmap/stores/prometheus'
import { Scraper, withoutPrometheus } from '../../support/scraper.js'

test('a scrape by Prometheus reads the counts of all workers, those that were terminated included', {
  skip: withoutPrometheus,
}, async t => {
  using registry = new SharedRegistry()
  const count = async (from: number, to: number) => {
    const worker = new Worker(new URL('../../programs/counting.js', import.meta.url), {
      workerData: { counting: { handle: registry.handle, from, to } },
    })
    await once(worker, 'message')
    worker.postMessage('go')
    await once(worker, 'message')
    await worker.terminate()
  }
  await Promise.all([0, 1, 2, 3].map(i => count(i * 300, (i + 1) * 300)))
  const server = createServer(async (_request, response) => {
    response.setHeader('content-type', registry.contentType)
    response.end(await registry.metrics())
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  await using scraper = await Scraper.start((server.address() as AddressInfo).port)

  await scraper.until('up', 1)
  await scraper.until('sum(requests_total)', 1200 * 1.5)
  await scraper.until('requests_total{route="/\\"quoted\\"\\\\"}', 600)
  await scraper.until('sum(active)', 2400)
  await scraper.until('sum(seconds_count)', 2400)
  await scraper.until('seconds_bucket{route="/0",le="+Inf"} - ignoring(le) seconds_count{route="/0"}', 0)
  await scraper.until('sizes_bucket{le="5"}', 450)
  await scraper.until('sum(quantiles_count)', 1200)
  await scraper.until('scrape_samples_post_metric_relabeling - scrape_samples_scraped', 0)
  await count(1200, 1500)
  await scraper.until('sum(requests_total)', 1500 * 1.5)
  assert.equal((await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)).status, 200)
})
