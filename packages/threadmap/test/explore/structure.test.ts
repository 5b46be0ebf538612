/** Rules that no schedule on this machine can check: loads that race are atomic, and words that two threads write are 128 bytes apart. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { L } from './thread.js'

interface Binaryen {
  readBinary(binary: Uint8Array): { getExport(name: string): number; emitText(): string }
  getExportInfo(ref: number): { value: string }
}

/** The compiled code of an export of the shipped kernel, as text. */
async function compiled(): Promise<(name: string) => string> {
  // The compiler's own copy of binaryen: no other package here depends on it.
  const resolve = createRequire(createRequire(import.meta.url).resolve('assemblyscript/package.json')).resolve
  const { default: binaryen } = (await import(pathToFileURL(resolve('binaryen')).href)) as { default: Binaryen }
  const module = binaryen.readBinary(readFileSync(new URL('../../kernel.wasm', import.meta.url)))
  const text = module.emitText()
  return name => {
    const { value } = binaryen.getExportInfo(module.getExport(name))
    const from = text.indexOf(`(func $${value} `)
    return text.slice(from, text.indexOf('\n (func', from))
  }
}

const count = (text: string, part: string): number => text.split(part).length - 1

test('content that can be raced is read with atomic loads', async () => {
  const of = await compiled()
  // The table word, the entry's header and its value word: these are all loads of 64 bits.
  assert.ok(count(of('isCurrent'), '(i64.atomic.load') >= 3)
  assert.equal(count(of('isCurrent'), '(i64.load'), 0)
  assert.equal(count(of('lockOwner'), '(i32.atomic.load'), 1)
  assert.equal(count(of('lockOwner'), '(i32.load'), 0)
})

test('words that two threads write stand 128 bytes apart', () => {
  const apart = {
    "the readers' line and the lock of a shard": L.D_LOCK - L.D_TABLE,
    'the lock of a shard and its heap': L.D_HEAP - L.D_LOCK,
    'two shards': L.SHARD_SIZE - L.D_HEAP,
    "a thread's own words and those of others": L.S_STATE,
    'two registry slots': L.SLOT_SIZE - L.S_STATE,
    'the configuration and the lock of the page table': L.H_HEAP_LOCK - L.H_PAGES_SEEN,
    'the lock of the page table and that of the claims': L.H_CLAIM_LOCK - L.H_HEAP_LOCK,
    "a thread heap's lock and the heap": L.P_HEAP - L.P_LOCK,
    'two locks of users': L.LOCK_BYTES,
  }
  for (const [what, bytes] of Object.entries(apart)) assert.ok(bytes >= 128, `${what}: ${bytes} bytes`)
})
