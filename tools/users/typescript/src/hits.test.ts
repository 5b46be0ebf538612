import { expect, test } from '@jest/globals'
import { hits } from './hits'

test('hits', () => {
  expect(hits().get('a')).toBe(2)
})
