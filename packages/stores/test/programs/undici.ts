/** Fetches through undici's cache interceptor, over the cache of another thread. */
import { SharedCacheStore } from '@threadmap/stores/undici'
import { Agent, type Dispatcher, interceptors, request } from 'undici'

let dispatcher: Dispatcher

export function open(handle: ConstructorParameters<typeof SharedCacheStore>[0]): void {
  dispatcher = new Agent().compose(interceptors.cache({ store: new SharedCacheStore(handle) }))
}

export async function get(url: string, headers: Record<string, string> = {}, method = 'GET') {
  const answer = await request(url, { dispatcher, headers, method: method as 'GET' })
  return { status: answer.statusCode, age: answer.headers.age, body: await answer.body.text() }
}
