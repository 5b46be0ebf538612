import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { prometheus } from '#governor/seeing/prometheus.js'
import { ALERTS, dashboard, queries } from '../support/dashboard.js'
import { Shown } from '../support/seen.js'

const PROMTOOL = '/usr/bin/promtool'
const skip = existsSync(PROMTOOL) ? false : 'promtool is not installed (apt-get install prometheus)'

/** The names of the samples that the exporter gives, with the labels that each has. */
const exported = new Map<string, Set<string>>()
for (const line of prometheus(new Shown()).split('\n')) {
  const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? []
  if (name === undefined) continue
  const known = exported.get(name) ?? new Set()
  for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label)
  exported.set(name, known)
}

/** Labels that Prometheus itself gives to what it scrapes. */
const SCRAPED = ['job', 'instance']

test('every query of the dashboard and of the alerts is about metrics that the exporter gives, by labels that they have', () => {
  const used = new Set<string>()
  const texts = [
    ...queries().map(({ expression }) => expression),
    ...dashboard.templating.list.flatMap(({ definition = '' }) => definition),
    ...[...readFileSync(ALERTS, 'utf8').matchAll(/^ *expr: (.*)$/gm)].map(([, expression]) => expression),
  ]
  for (const text of texts) {
    for (const [, name, selector = ''] of text.matchAll(/\b(threadmap_\w+)(?:\{([^}]*)\})?/g)) {
      const labels = exported.get(name)
      assert.ok(labels !== undefined, `${name} is not exported: ${text}`)
      used.add(name)
      for (const [, label] of selector.matchAll(/(\w+)(?:=~|!=|!~|=)"/g)) {
        assert.ok(labels.has(label) || SCRAPED.includes(label), `${name} has no label ${label}: ${text}`)
      }
    }
    for (const [, by] of text.matchAll(/by \(([^)]*)\)/g)) {
      for (const label of by.split(', ')) assert.ok(['shard', 'le', 'map', ...SCRAPED].includes(label), text)
    }
  }
  // These are what the others say already.
  const unused = [...exported.keys()].filter(name => !used.has(name) && !/_(sum|count)$/.test(name))
  assert.deepEqual(unused, ['threadmap_shard_hot'])
})

test('the dashboard is whole: each panel has a place of its own, a title, a description and queries', () => {
  const { panels, uid, schemaVersion } = dashboard
  assert.equal(uid, 'threadmap-governor')
  assert.ok(schemaVersion >= 39)
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length)
  const taken = new Set<string>()
  for (const { title, description, gridPos, targets } of panels) {
    assert.ok(description.length > 10, title)
    assert.ok(targets.length > 0 && new Set(targets.map(({ refId }) => refId)).size === targets.length, title)
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x},${y}`), `${title} lies on another panel`)
        taken.add(`${x},${y}`)
      }
    }
  }
})

test('promtool accepts the alerts', { skip }, () => {
  const { status, stdout, stderr } = spawnSync(PROMTOOL, ['check', 'rules', ALERTS], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /SUCCESS: 5 rules found/)
})
