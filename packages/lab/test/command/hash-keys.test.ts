import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { bool, type HashName, hash, ShardedMap, string } from 'threadmap'
import { storedForm } from '#lab/experiments/hash/keys.js'
import { folder, threadmap } from '../support/command.js'

/** `hash --hash-keys`: the keys are hashed in the form in which a map hashes them. */

const COUNT = 4096
const SHARDS = 64

/** The finaliser of the kernel's tableHash: a map applies it to a published hash. */
function finalised(published: bigint): bigint {
  const wide = (value: bigint) => BigInt.asUintN(64, value)
  let h = wide((published ^ (published >> 33n)) * 0xff51afd7ed558ccdn)
  h = wide((h ^ (h >> 33n)) * 0xc4ceb9fe1a85ec53n)
  return h ^ (h >> 33n)
}

/** COUNT keys that a map of 64 shards with seed 0 puts into its first shard. */
function keysOfOneShard(name: HashName, prefix: string): string[] {
  const keys: string[] = []
  for (let i = 0; keys.length < COUNT; i++) {
    const key = `${prefix}${i}`
    const published = hash(name, storedForm(key))
    const used = name === 'default' ? hash(name, key) : finalised(published)
    if (used >> 58n === 0n) keys.push(key)
  }
  return keys
}

async function findings(t: TestContext, keys: readonly string[]): Promise<string> {
  const root = folder(t, { 'keys.txt': `${keys.join('\n')}\n` })
  const json = join(root, 'out.json')
  const ended = await threadmap([
    'lab',
    '--quick',
    'hash',
    '--hash-keys',
    join(root, 'keys.txt'),
    '--json',
    json,
    '--out',
    root,
  ])
  assert.equal(ended.code, 0, ended.stderr)
  return `${ended.stdout}\n${readFileSync(json, 'utf8')}`
}

for (const [name, prefix] of [
  ['fnv1a', 'é'],
  ['xxhash64', 'Ω'],
  ['default', 'ключ:'],
  ['default', 'ä'],
] satisfies [HashName, string][]) {
  test(`${COUNT} keys like ${prefix}1 that share one shard by ${name} are not called spread evenly`, async t => {
    const keys = keysOfOneShard(name, prefix)
    const map = new ShardedMap({ key: string, value: bool, hash: name, seed: 0n, shards: SHARDS })
    for (const key of keys) map.set(key, true)
    assert.deepEqual(
      map.shardStats().map(({ entries }) => entries),
      Array.from({ length: SHARDS }, (_, shard) => (shard === 0 ? COUNT : 0)),
    )
    map[Symbol.dispose]()
    const said = await findings(t, keys)
    assert.match(said, new RegExp(`crowd: [^.]*${name} of [^ ]+ \\(the fullest shard has ${COUNT} of ${COUNT}\\)`))
  })
}

test('keys that a program makes crowd in no map', async t => {
  const said = await findings(
    t,
    Array.from({ length: COUNT }, (_, i) => `größe:${i}`),
  )
  assert.doesNotMatch(said, /crowd/)
})
