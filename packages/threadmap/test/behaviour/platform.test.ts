/** What depends on the runtime, and the errors of a runtime that lacks something. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import * as threadmap from 'threadmap'
import { FastMap, f64, string } from 'threadmap'
import * as guard from 'threadmap/guard'
import * as sync from 'threadmap/sync'
import { PATIENCE } from '../support/patience.js'

function run(program: string, ...flags: string[]) {
  return spawnSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    timeout: PATIENCE,
    env: { ...process.env, NODE_OPTIONS: undefined, NODE_TEST_CONTEXT: undefined },
  })
}

test('a handle of another version is refused by its version', () => {
  const map = new FastMap({ key: string, value: f64 })
  const mutex = new sync.Mutex()
  const ours = map.handle.threadmap
  const expected = {
    name: 'AttachError',
    message: new RegExp(`layout version ${ours - 1}.*reads ${ours};.*same version`),
  }
  assert.throws(() => FastMap.attach({ ...map.handle, threadmap: ours - 1 }), expected)
  assert.throws(() => sync.Mutex.attach({ ...mutex.handle, threadmap: ours - 1 }), expected)
  const wrong = { name: 'AttachError', message: /handle of a RWMutex.*RWMutex\.attach/ }
  assert.throws(() => sync.Mutex.attach({ ...mutex.handle, kind: 'RWMutex' } as never), wrong)
  for (const value of [undefined, null, 1, 'handle', {}, { threadmap: '1', kind: 'FastMap' }]) {
    assert.throws(() => FastMap.attach(value as never), {
      name: 'AttachError',
      message: /takes the handle of a FastMap/,
    })
    assert.throws(() => sync.Mutex.attach(value as never), {
      name: 'AttachError',
      message: /takes the handle of a Mutex/,
    })
  }
})

test('without WebAssembly one error says so', () => {
  const program = `
    import { FastMap, f64, string } from 'threadmap'
    import { Mutex } from 'threadmap/sync'
    for (const make of [() => new FastMap({ key: string, value: f64 }), () => new Mutex().lock()]) {
      try { make() } catch (error) { console.log(error.name, error.code, error.message) }
    }`
  const { stdout, stderr } = run(program, '--jitless')
  assert.match(stdout, /^(UnsupportedError ERR_THREADMAP_UNSUPPORTED .*no WebAssembly.*--jitless.*\n){2}$/, stderr)
})

test('errors have their names on their prototypes, as text', () => {
  const classes = Object.entries({ ...threadmap, ...sync, ...guard }).filter(
    ([, value]) => typeof value === 'function' && value.prototype instanceof Error,
  ) as unknown as [string, new (...args: unknown[]) => Error][]
  assert.ok(classes.length >= 12)
  for (const [name, Class] of classes) {
    const error = new Class('code', 'message')
    assert.equal(error.name, name)
    assert.ok(Object.hasOwn(Class.prototype, 'name'), name)
    assert.match(String(error.stack), new RegExp(`^${name}\\b`))
  }
})

test('a program that replaces `process` loses nothing: deaths of workers are heard', () => {
  const program = `
    globalThis.process = { ...process, getBuiltinModule: undefined, on() {}, versions: {}, exit: process.exit }
    const { FastMap, f64, string } = await import('threadmap')
    const { Worker } = await import('node:worker_threads')
    const map = new FastMap({ key: string, value: f64 })
    const source = \`
      import { workerData } from 'node:worker_threads'
      import { FastMap } from '${import.meta.resolve('threadmap')}'
      const map = FastMap.attach(workerData)
      map.set('ready', 1)
      for (let i = 0; ; i++) map.set('key' + i % 10, i)\`
    const url = new URL('data:text/javascript,' + encodeURIComponent(source))
    for (let i = 0; i < 3; i++) {
      map.delete('ready')
      const worker = new Worker(url, { workerData: map.handle })
      while (!map.has('ready')) await new Promise(resolve => setTimeout(resolve, 5))
      await worker.terminate()
    }
    for (let i = 0; i < 100 && map.stats().threads > 1; i++) await new Promise(resolve => setTimeout(resolve, 50))
    console.log(map.stats().threads, map.audit().length)
    process.exit()`
  const { stdout, stderr } = run(program)
  assert.equal(stdout.trim(), '1 0', stderr)
})
