/** Tests of the checker itself, on histories with known answers: a checker that cannot say no proves nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PATIENCE } from '../support/patience.js'
import type { Random } from '../support/random.js'
import { seeded } from '../support/seeded.js'
import { check, checkAll, type Verdict } from './checker.js'
import { byKey, isPending, type Model, PENDING } from './history.js'
import { ABSENT, keyModel, type MapOperation, mapModel } from './map-model.js'
import { draw, drawHtml } from './picture.js'

interface Details {
  value?: number
  expected?: number
  /** The returned value; absent: none. */
  out?: number
  computed?: boolean
  key?: string
}

/** `call` to `end` (PENDING: it never returned) of client `client`. */
function did(client: number, call: number, end: number, op: string, details: Details = {}): MapOperation {
  const { value = 0, expected = 0, out = 0, computed = false, key = 'k' } = details
  const output = end === PENDING ? undefined : { value: out, computed }
  return { client, op, key, input: { value, expected }, output, call, return: end }
}

const known: { name: string; verdict: Verdict; exclusive?: boolean; history: MapOperation[] }[] = [
  { name: 'nothing happened', verdict: 'linearizable', history: [] },
  {
    name: 'one after the other',
    verdict: 'linearizable',
    history: [did(0, 1, 2, 'set', { value: 7 }), did(1, 3, 4, 'get', { out: 7 }), did(0, 5, 6, 'delete', { out: 1 })],
  },
  {
    name: 'a read beside two writes sees either, and another reader the other one',
    verdict: 'linearizable',
    history: [
      did(0, 1, 10, 'set', { value: 1 }),
      did(1, 2, 9, 'set', { value: 2 }),
      did(2, 3, 4, 'get', { out: 2 }),
      did(2, 5, 6, 'get', { out: 1 }),
    ],
  },
  {
    name: 'a read beside a write does not go back in time',
    verdict: 'not linearizable',
    history: [
      did(0, 1, 2, 'set', { value: 1 }),
      did(0, 3, 10, 'set', { value: 2 }),
      did(1, 4, 5, 'get', { out: 2 }),
      did(2, 6, 7, 'get', { out: 1 }),
    ],
  },
  {
    name: 'a stale read: the write had returned',
    verdict: 'not linearizable',
    history: [did(0, 1, 2, 'set', { value: 1 }), did(0, 3, 4, 'set', { value: 2 }), did(1, 5, 6, 'get', { out: 1 })],
  },
  {
    name: 'a lost update: two additions, one sum',
    verdict: 'not linearizable',
    history: [
      did(0, 1, 2, 'set', { value: 10 }),
      did(0, 3, 6, 'add', { value: 1, out: 11 }),
      did(1, 4, 5, 'add', { value: 1, out: 11 }),
    ],
  },
  {
    name: 'both compareAndSwaps of the same expected value succeed',
    verdict: 'not linearizable',
    history: [
      did(0, 1, 2, 'set', { value: 1 }),
      did(0, 3, 6, 'compareAndSwap', { expected: 1, value: 2, out: 1 }),
      did(1, 4, 5, 'compareAndSwap', { expected: 1, value: 3, out: 1 }),
    ],
  },
  {
    name: 'two deletions of one entry',
    verdict: 'not linearizable',
    history: [
      did(0, 1, 2, 'set', { value: 1 }),
      did(0, 3, 6, 'delete', { out: 1 }),
      did(1, 4, 5, 'getAndDelete', { out: 1 }),
    ],
  },
  {
    name: 'getOrInsertComputed computes once, the other waits for it',
    verdict: 'linearizable',
    exclusive: true,
    history: [
      did(0, 1, 6, 'getOrInsertComputed', { value: 5, out: 5, computed: true }),
      did(1, 2, 7, 'getOrInsertComputed', { value: 6, out: 5 }),
    ],
  },
  {
    name: 'getOrInsertComputed computes twice, though it tells one value',
    verdict: 'not linearizable',
    exclusive: true,
    history: [
      did(0, 1, 6, 'getOrInsertComputed', { value: 5, out: 5, computed: true }),
      did(1, 2, 7, 'getOrInsertComputed', { value: 6, out: 5, computed: true }),
    ],
  },
  {
    name: 'getOrInsertComputed returns what nobody computed or set',
    verdict: 'not linearizable',
    history: [did(0, 1, 2, 'getOrInsertComputed', { value: 5, out: 6, computed: true })],
  },
  {
    name: "a dead client's write took effect",
    verdict: 'linearizable',
    history: [
      did(0, 1, 2, 'set', { value: 1 }),
      did(1, 3, PENDING, 'set', { value: 2 }),
      did(0, 4, 5, 'get', { out: 1 }),
      did(0, 6, 7, 'get', { out: 2 }),
    ],
  },
  {
    name: "a dead client's write did not take effect",
    verdict: 'linearizable',
    history: [
      did(0, 1, 2, 'set', { value: 1 }),
      did(1, 3, PENDING, 'set', { value: 2 }),
      did(0, 4, 5, 'get', { out: 1 }),
      did(0, 6, 7, 'swap', { value: 3, out: 1 }),
      did(0, 8, 9, 'get', { out: 3 }),
    ],
  },
  {
    name: "a dead client's write came and went again by itself",
    verdict: 'not linearizable',
    history: [
      did(0, 1, 2, 'set', { value: 1 }),
      did(1, 3, PENDING, 'set', { value: 2 }),
      did(0, 4, 5, 'get', { out: 2 }),
      did(0, 6, 7, 'get', { out: 1 }),
    ],
  },
  {
    name: 'a dead client wrote before it was called',
    verdict: 'not linearizable',
    history: [did(0, 1, 2, 'get', { out: 2 }), did(1, 3, PENDING, 'set', { value: 2 })],
  },
  {
    name: 'a dead addition happened at most once',
    verdict: 'not linearizable',
    history: [
      did(0, 1, 2, 'set', { value: 1 }),
      did(1, 3, PENDING, 'add', { value: 1 }),
      did(0, 4, 5, 'get', { out: 2 }),
      did(0, 6, 7, 'get', { out: 3 }),
    ],
  },
]

for (const { name, verdict, exclusive = false, history } of known) {
  test(`${name}: ${verdict}`, () => {
    const result = check(history, keyModel({ exclusive }))
    assert.equal(result.verdict, verdict)
    assert.equal(result.failure !== undefined, verdict === 'not linearizable')
  })
}

test('clear is one operation in the history of each key', () => {
  const history = [
    did(0, 1, 2, 'set', { key: 'a', value: 1 }),
    did(0, 3, 4, 'set', { key: 'b', value: 2 }),
    did(1, 5, 6, 'clear'),
    did(0, 7, 8, 'get', { key: 'a', out: ABSENT }),
    did(0, 9, 10, 'get', { key: 'b', out: 2 }),
  ]
  const parts = byKey(history, ({ op }) => op === 'clear')
  assert.deepEqual([...parts.keys()], ['a', 'b'])
  assert.equal(check(parts.get('a')!, keyModel()).verdict, 'linearizable')
  assert.equal(check(parts.get('b')!, keyModel()).verdict, 'not linearizable')
  assert.equal(checkAll(parts.values(), keyModel()).verdict, 'not linearizable')
})

test('the model of a whole map asks whether clear and size are about one moment', () => {
  const halfCleared = [
    did(0, 1, 2, 'set', { key: 'a', value: 1 }),
    did(0, 3, 4, 'set', { key: 'b', value: 2 }),
    did(1, 5, 12, 'clear'),
    did(0, 6, 7, 'get', { key: 'a', out: ABSENT }),
    did(0, 8, 9, 'get', { key: 'b', out: 2 }),
  ]
  assert.equal(
    checkAll(byKey(halfCleared, ({ op }) => op === 'clear').values(), keyModel()).verdict,
    'linearizable',
    'each key by itself',
  )
  assert.equal(check(halfCleared, mapModel()).verdict, 'not linearizable')
  const sized = (size: number) => [...halfCleared.slice(0, 2), did(0, 5, 6, 'size', { out: size })]
  assert.equal(check(sized(2), mapModel()).verdict, 'linearizable')
  assert.equal(check(sized(1), mapModel()).verdict, 'not linearizable')
})

/** Tries every order of the completed operations and of any pending ones: obviously right, and far too slow. */
function bruteForce(history: MapOperation[], model: Model<number, unknown, unknown>): boolean {
  const go = (left: MapOperation[], state: number): boolean => {
    if (left.every(isPending)) return true
    const firstReturn = Math.min(...left.map(operation => operation.return))
    return left.some(operation => {
      if (operation.call > firstReturn) return false
      const after = model.apply(state, operation)
      return (
        after !== undefined &&
        go(
          left.filter(other => other !== operation),
          after,
        )
      )
    })
  }
  return go(history, model.initial)
}

/** A made-up history of one key: the results of some order of operations, with `lie` one of them changed. */
function makeUp(random: Random, lie: boolean): MapOperation[] {
  const model = keyModel()
  const count = 2 + random.below(6)
  const names = ['get', 'set', 'delete', 'swap', 'add', 'compareAndSwap', 'getOrInsert', 'getAndDelete'] as const
  let state = ABSENT
  const operations: MapOperation[] = []
  const busyTill = [0, 0, 0]
  for (let i = 0; i < count; i++) {
    // It takes effect at `at`; call and return lie around it, one operation at a time per client.
    const at = 10 * (i + 1)
    const client = random.below(3)
    const call = Math.max(busyTill[client]! + 1, at - random.below(25)) + client / 10
    if (call > at) continue
    const end = at + random.below(25) + client / 10 + 0.05
    const op = names[random.below(names.length)]!
    const input = { value: 1 + random.below(3), expected: 1 + random.below(3) }
    // The output is one that the model allows in this state, found by trying.
    const outs = [ABSENT, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]
    const base = { client, op, key: 'k', input, call, return: end }
    const out = outs.find(value => model.apply(state, { ...base, output: { value, computed: false } }) !== undefined)!
    const operation = { ...base, output: { value: out, computed: false } }
    state = model.apply(state, operation)!
    busyTill[client] = end
    operations.push(random.oneIn(8) ? { ...operation, output: undefined, return: PENDING } : operation)
    if (operations.at(-1)!.return === PENDING) busyTill[client] = PENDING
  }
  if (!lie || operations.length === 0) return operations
  const victim = random.below(operations.length)
  return operations.map((operation, index) =>
    index === victim && operation.output
      ? { ...operation, output: { ...operation.output, value: operation.output.value + 1 } }
      : operation,
  )
}

seeded('it agrees with a search through all orders, on thousands of small histories', random => {
  const verdicts = { true: 0, false: 0 }
  for (let run = 0; run < 4000; run++) {
    const history = makeUp(random, run % 2 === 1)
    const expected = bruteForce(history, keyModel() as Model<number, unknown, unknown>)
    verdicts[`${expected}`]++
    const { verdict } = check(history, keyModel())
    assert.equal(verdict, expected ? 'linearizable' : 'not linearizable', JSON.stringify(history))
    if (run % 2 === 0) assert.ok(expected, 'what was made from an order has one')
  }
  assert.ok(verdicts.true > 500 && verdicts.false > 500, JSON.stringify(verdicts))
})

/** `clients` threads of a made-up machine add to one number in two steps (load, store), or in one if `atomic`. */
function simulateAdditions(random: Random, clients: number, each: number, atomic: boolean): MapOperation[] {
  const history: MapOperation[] = []
  let word = 0
  let time = 0
  const threads = Array.from({ length: clients }, (_, client) => ({ client, left: each, call: 0, loaded: -1 }))
  history.push(did(9, ++time, ++time, 'set', { value: 0 }))
  while (threads.some(thread => thread.left > 0)) {
    const thread = threads[random.below(clients)]!
    if (thread.left === 0) continue
    if (thread.loaded < 0) {
      thread.call = ++time
      thread.loaded = word
    } else {
      word = (atomic ? word : thread.loaded) + 1
      history.push(did(thread.client, thread.call, ++time, 'add', { value: 1, out: word }))
      thread.loaded = -1
      thread.left--
    }
  }
  return history
}

seeded('a planted lost update is found in a long history, and the picture names it', random => {
  assert.equal(check(simulateAdditions(random, 4, 200, true), keyModel()).verdict, 'linearizable')
  const history = simulateAdditions(random, 4, 200, false)
  const { verdict, failure } = check(history, keyModel())
  assert.equal(verdict, 'not linearizable')
  const picture = draw(failure!, keyModel())
  assert.match(picture, /No order explains these 801 operations/)
  assert.match(picture, /Cannot be placed: client \d add\(1\) -> \d+/)
  assert.match(picture, /!! add\(1\)/)
  assert.match(picture, /#\d+ add\(1\)/)
  const page = drawHtml(failure!, keyModel())
  assert.equal(page.split('<rect').length - 1, history.length)
  assert.match(page, /fill="#d33"/)
})

test('the picture of a stale read, as a person sees it', () => {
  const history = [
    did(0, 1, 2, 'set', { value: 1 }),
    did(0, 3, 6, 'set', { value: 2 }),
    did(1, 4, 5, 'get', { out: 2 }),
    did(1, 7, 8, 'get', { out: 1 }),
  ]
  const { failure } = check(history, keyModel())
  assert.equal(
    draw(failure!, keyModel()),
    [
      'No order explains these 4 operations (3 were tried).',
      'The longest order has 3 of them; after it the state is: 2.',
      'Cannot be placed: client 1 get() -> 1, called at 7, returned at 8.',
      '  client 1 get() -> 1: cannot have returned that in this state',
      '',
      '          client 0         client 1',
      '       1  + #1 set(1)',
      '       2  +-',
      '       3  + #2 set(2)',
      '       4  |                + #3 get() -> 2',
      '       5  |                +-',
      '       6  +-',
      '       7                   + !! get() -> 1',
      '       8                   +-',
    ].join('\n'),
  )
})

test('a search that takes too long says "unknown", not "yes"', () => {
  // Sixty overlapping operations whose every order is a state of its own, and then one that fits into none.
  const history: MapOperation[] = Array.from({ length: 60 }, (_, client) => did(client, client, 1000 + client, 'set'))
  history.push(did(99, 500, 501, 'get'))
  const orders: Model<string, unknown, unknown> = {
    initial: '',
    apply: (state, { client, op }) => (op === 'set' ? `${state},${client}` : undefined),
    identity: state => state,
    describe: state => state,
    tell: ({ op }) => op,
  }
  const began = performance.now()
  const { verdict, failure } = check(history, orders, 100)
  assert.equal(verdict, 'unknown')
  // The whole search would take ages. It looks at the clock between steps; on a busy machine a step can take long.
  assert.ok(performance.now() - began < PATIENCE)
  assert.equal(failure?.blocked.client, 99)
})
