import { kill } from './deaths.mjs'

test('deaths of workers are heard', async () => {
  expect(await kill(6)).toEqual([1])
}, 170_000)
