/** The part of first-task.test.ts that runs inside a page. */
import type { FastMap, MapHandle } from 'threadmap'
import { PATIENCE } from '../support/patience.js'
import { library } from './library.js'
import { sleep } from './smoke.js'

const AT_ONCE = 3

type Numbers = FastMap<string, number>

function create(): Numbers {
  const { FastMap, string, f64 } = library
  return new FastMap({ key: string, value: f64, shards: 1 })
}

function start(script: string): Worker {
  return new Worker(script, { type: 'module' })
}

function message(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.onmessage = event => resolve(event.data)
    worker.onerror = event => reject(new Error(event.message))
  })
}

/** Waits until only this thread is attached, and then lists what is wrong with the map. */
async function survivors(map: Numbers): Promise<{ left: number; problems: string[] }> {
  const end = performance.now() + PATIENCE
  while (map.stats().threads > 1 && performance.now() < end) await sleep(50)
  const left = map.stats().threads
  const problems = map.audit()
  try {
    for (let i = 0; i < 100; i++) map.set(`key ${i}`, 1)
  } catch (error) {
    problems.push(String(error))
  }
  return { left, problems }
}

/** Terminates workers, some of them at once, as soon as each has begun its task. */
export async function kill(script: string, workers: number) {
  const map = create()
  for (let i = 0; i < workers; i += AT_ONCE) {
    const group = Array.from({ length: AT_ONCE }, () => start(script))
    for (const worker of group) worker.postMessage(map.handle)
    await Promise.all(group.map(message))
    await sleep(i)
    for (const worker of group) worker.terminate()
  }
  const result = { ...(await survivors(map)), jobs: map.get('jobs'), recoveries: map.stats().recoveries }
  map[Symbol.dispose]()
  return result
}

/** Sends numbers at once, every other one with a port. */
export async function order(script: string, count: number): Promise<unknown[]> {
  const worker = start(script)
  const answers: unknown[] = []
  const all = new Promise<void>(resolve => {
    worker.onmessage = event => answers.push(event.data) === count && resolve()
  })
  for (let i = 0; i < count; i++) worker.postMessage(i, i % 2 ? [new MessageChannel().port1] : [])
  await all
  worker.terminate()
  return answers
}

export async function answer(script: string): Promise<unknown[]> {
  const map = create()
  const worker = start(script)
  worker.postMessage(map.handle)
  const said = (await message(worker)) as unknown[]
  worker.terminate()
  return said
}

/** Attaches to a map that a worker made, and terminates the worker while it works. */
export async function adopt(script: string) {
  const worker = start(script)
  const handle = (await message(worker)) as MapHandle<string, number>
  const map = library.FastMap.attach(handle)
  await sleep(50)
  worker.terminate()
  return { made: map.get('made'), ...(await survivors(map)) }
}

export async function watched(script: string): Promise<string> {
  const worker = start(script)
  create().watch(worker)
  worker.terminate()
  return 'watched'
}
