import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cases, reportsOf } from './support/guard-cases.js'

describe('what the guard finds, and where it is silent', () => {
  for (const one of cases) {
    test(`${one.finds ?? 'silent'}: ${one.name}`, async () => {
      const reports = await reportsOf(one)
      const kinds = [...new Set(reports.map(report => report.kind))]
      assert.deepEqual(kinds, one.finds ? [one.finds] : [], reports.join('\n'))
    })
  }
})
