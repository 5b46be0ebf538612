// Keyv's own test suite for storage adapters, all of it, over one shared cache: stores.test.mjs runs it, with Keyv 5 and 6.
import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite'
import { KeyvSharedCache } from '@threadmap/stores/keyv'
import * as vitest from 'vitest'

const { default: Keyv } = await import(process.env.THREADMAP_KEYV ?? 'keyv')
const { cache } = new KeyvSharedCache({ max: 1000 })
const store = () => new KeyvSharedCache(cache)
keyvTestSuite(vitest, Keyv, store)
keyvIteratorTests(vitest, Keyv, store)
