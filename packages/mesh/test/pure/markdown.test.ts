/** A run in Markdown: every figure of the tables is there, and no text of a finding or a failure becomes markup. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runMarkdown } from '#mesh/report/markdown.js'
import { type MeshRecord, newRun } from '#mesh/run/document.js'

const BASE = { name: 'latency', title: 'What does a pair add?', method: '', startedAt: '', seconds: 1 }
const RECORDS: readonly MeshRecord[] = [
  {
    ...BASE,
    status: 'finished',
    findings: ['nginx adds least | 0.31 ms.', '[not a link](x)'],
    tables: [
      {
        title: 'Latency',
        columns: [{ label: 'subject' }, { label: 'P95 added', unit: 'ms' }],
        rows: [
          ['nginx', 0.31],
          ['envoy', null],
        ],
      },
    ],
    charts: [
      {
        kind: 'bar',
        id: 'cost',
        title: 'Cost',
        alternative: '',
        categories: ['nginx', 'envoy'],
        y: { label: 'cost', unit: 'ms' },
        series: [{ name: 'both', values: [{ y: 100 }, { y: 400 }] }],
      },
    ],
    leftOut: [{ what: 'consul', why: 'it has no\nroutes' }],
  },
  { ...BASE, status: 'failed', reason: 'port <18400> is taken', leftOut: [] },
]

const text = runMarkdown({ ...newRun({ quick: true, seed: 1 }, [], []), experiments: RECORDS })

test('a table has its units, its figures on the right, and a dash for what was not measured', () => {
  assert.ok(
    text.includes('Latency:\n\n| subject | P95 added (ms) |\n| --- | --: |\n| nginx | 0.310 |\n| envoy | - |\n'),
    text,
  )
})

test('a bar chart is drawn to scale', () => {
  const length = (name: string) => text.match(new RegExp(`^${name} +(█+)`, 'm'))?.[1].length
  assert.equal(length('envoy'), 40)
  assert.equal(length('nginx'), 10)
})

test('text is no markup, and stays on its line', () => {
  assert.ok(text.includes('- nginx adds least \\| 0.31 ms.\n'), text)
  assert.ok(text.includes('- \\[not a link\\](x)'), text)
  assert.ok(text.includes('Left out:\n\n- consul: it has no routes'), text)
  assert.ok(text.includes('It failed: port \\<18400\\> is taken'), text)
})
