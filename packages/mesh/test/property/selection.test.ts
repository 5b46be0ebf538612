import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MeshRow } from '#mesh/rows/row.js'
import { parseRequirements, type Requirement } from '#mesh/select/question.js'
import { type Ranking, rank } from '#mesh/select/rank.js'
import { answerText, scaled } from '#mesh/select/sensitivity.js'
import { AGAIN, RowTable } from '#mesh/select/table.js'
import { isLeaf, treeOf } from '#mesh/select/tree.js'
import { measuredRow, suppliedRow, wordsRow } from '../support/rows.js'

const NAMES = ['a', 'b', 'c', 'd', 'e']
const WEIGHED = ['p95', 'pss', 'rotation']
const REQUIRE = parseRequirements('tls13,fips,revocation-1s')

interface World {
  readonly rows: readonly MeshRow[]
  readonly require: readonly Requirement[]
  readonly weigh: ReadonlyMap<string, number>
}

const figures = fc.record({
  middle: fc.double({ min: 0.5, max: 200, noNaN: true }),
  noise: fc.constantFrom(0.001, 0.02, 0.1, 0.4),
  rounds: fc.constantFrom(1, 2, 3, 5, 9),
})

const subject = fc.record({
  figures: fc.tuple(...WEIGHED.map(() => fc.option(figures, { freq: 6 }))),
  tls: fc.option(fc.constantFrom('1.3', '1.2, 1.3', 'nobody knows'), { freq: 6 }),
  fips: fc.option(fc.constantFrom('yes', 'no'), { freq: 4 }),
  revocation: fc.option(fc.double({ min: 1, max: 2000, noNaN: true }), { freq: 6 }),
})

const world: fc.Arbitrary<World> = fc
  .record({
    subjects: fc.array(subject, { minLength: 1, maxLength: NAMES.length }),
    seed: fc.nat(),
    weights: fc.tuple(...WEIGHED.map(() => fc.option(fc.double({ min: 0.1, max: 10, noNaN: true }), { freq: 3 }))),
    require: fc.subarray([...REQUIRE]),
    control: fc.option(fc.double({ min: 0.7, max: 1.4, noNaN: true })),
  })
  .map(({ subjects, seed, weights, require, control }) => ({
    require,
    weigh: new Map(WEIGHED.flatMap((metric, at) => (weights[at] === null ? [] : [[metric, weights[at]] as const]))),
    rows: subjects.flatMap((one, at): MeshRow[] => {
      const name = NAMES[at]
      const own = one.figures.flatMap((each, of) =>
        each === null ? [] : [measuredRow(name, WEIGHED[of], each.middle, { ...each, seed: seed + of + 10 * at })],
      )
      return [
        ...own,
        // The first subject is measured twice.
        ...(at === 0 && control !== null ? own.map(row => ({ ...scaled(row, control), subject: name + AGAIN })) : []),
        ...(one.tls === null ? [] : [wordsRow(name, 'tls-versions', one.tls)]),
        ...(one.fips === null ? [] : [suppliedRow(name, 'fips', one.fips)]),
        ...(one.revocation === null ? [] : [measuredRow(name, 'revocation', one.revocation, { noise: 0.05 })]),
      ]
    }),
  }))

const ranked = ({ rows, require, weigh }: World) => rank(new RowTable(rows), require, weigh)
const winners = ({ leader, tied }: Ranking) => (leader === null ? [] : [leader, ...tied])

test('who leads or ties meets every requirement and has every weighed row', () => {
  fc.assert(
    fc.property(world, one => {
      const table = new RowTable(one.rows)
      const ranking = ranked(one)
      for (const name of winners(ranking)) {
        for (const { metric, judge } of one.require) {
          const { row } = table.decision(name, metric)
          assert.ok(row !== undefined && judge(row) === 'meets', `${name} ${metric}`)
        }
        for (const metric of one.weigh.keys()) {
          assert.ok(one.rows.some(row => row.subject === name && row.metric === metric))
        }
      }
      if (ranking.outcome === 'chosen') assert.equal(ranking.tied.length + ranking.open.length, 0)
    }),
    { numRuns: 500 },
  )
})

test('a better row never makes its subject lose', () => {
  fc.assert(
    fc.property(
      world,
      fc.nat(),
      fc.nat(),
      fc.double({ min: 0.05, max: 0.999, noNaN: true }),
      (one, who, which, factor) => {
        const before = winners(ranked(one))
        if (before.length === 0 || one.weigh.size === 0) return
        const name = before[who % before.length]
        const metric = [...one.weigh.keys()][which % one.weigh.size]
        const isIt = (row: MeshRow) => row.metric === metric && [name, name + AGAIN].includes(row.subject)
        const after = ranked({ ...one, rows: one.rows.map(row => (isIt(row) ? scaled(row, factor) : row)) })
        assert.ok(winners(after).includes(name), `${name}: ${before} -> ${winners(after)}`)
      },
    ),
    { numRuns: 500 },
  )
})

test('only the ratios of weights count', () => {
  fc.assert(
    fc.property(world, fc.constantFrom(1 / 1024, 0.25, 2, 64, 4096), (one, factor) => {
      const times = new Map([...one.weigh].map(([metric, weight]) => [metric, weight * factor] as const))
      assert.equal(answerText(ranked({ ...one, weigh: times })), answerText(ranked(one)))
    }),
    { numRuns: 500 },
  )
})

test('what is chosen in spite of missing rows stays chosen, whatever these rows will say', () => {
  let tried = 0
  fc.assert(
    fc.property(world, fc.array(fc.boolean(), { minLength: 15, maxLength: 15 }), (one, says) => {
      const before = ranked(one)
      if (before.outcome !== 'chosen') return
      tried++
      const table = new RowTable(one.rows)
      const added = table.candidates.flatMap(({ subject }, at) =>
        one.require.flatMap(({ metric, judge }, of): MeshRow[] => {
          const { row } = table.decision(subject, metric)
          if (row !== undefined && judge(row) !== 'unsure') return []
          const isGood = says[at * 3 + of]
          if (metric === 'fips') return [suppliedRow(subject, metric, isGood ? 'yes' : 'no')]
          if (metric === 'tls-versions')
            return [{ ...wordsRow(subject, metric, isGood ? '1.3' : '1.2'), date: '2026-11-28' }]
          return [{ ...measuredRow(subject, metric, isGood ? 5 : 5000, { noise: 0.01 }), date: '2026-11-28' }]
        }),
      )
      const after = ranked({ ...one, rows: [...one.rows, ...added] })
      assert.deepEqual([after.outcome, after.leader], ['chosen', before.leader])
    }),
    { numRuns: 1500 },
  )
  assert.ok(tried > 100, `only ${tried} worlds had a choice`)
})

test('a missing weighed row of a subject that is not out leaves the answer open', () => {
  fc.assert(
    fc.property(world, one => {
      const ranking = ranked(one)
      const isOpen = ranking.subjects.some(({ status, gaps }) => status !== 'excluded' && gaps.length > 0)
      if (isOpen) assert.equal(ranking.outcome, 'undecided')
    }),
    { numRuns: 500 },
  )
})

test('the order of the rows changes nothing', () => {
  fc.assert(
    fc.property(world, one => {
      assert.equal(answerText(ranked({ ...one, rows: [...one.rows].reverse() })), answerText(ranked(one)))
    }),
    { numRuns: 200 },
  )
})

test('the path of a question through the tree ends in its answer', () => {
  fc.assert(
    fc.property(world, one => {
      const table = new RowTable(one.rows)
      let node = treeOf(table, one.require, one.weigh)
      while (!isLeaf(node)) {
        const { requirement } = node
        node = one.require.some(({ name }) => name === requirement) ? node.yes : node.no
      }
      const ranking = ranked(one)
      assert.deepEqual(
        [node.outcome, [...node.subjects], [...node.open]],
        [ranking.outcome, winners(ranking), ranking.open],
      )
    }),
    { numRuns: 200 },
  )
})
