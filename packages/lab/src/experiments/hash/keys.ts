import { readFileSync } from 'node:fs'
import { UsageError } from '@threadmap/workbench/errors'
import { codeOf } from '@threadmap/workbench/files'
import { flat, random, userKeys } from '@threadmap/workbench/workload'
import { nearestNodeModules, readCorpus } from '../../wordcount/corpus.js'
import { eachWord } from '../../wordcount/words.js'

export interface KeySet {
  readonly name: string
  readonly keys: readonly string[]
}

/** Bytes of text, at most, that the kind "words" takes its keys from. */
const WORDS_FROM_BYTES = 8_000_000

/** The distinct keys in a file that has one key a line. `UsageError` if it has none. */
export function keysOfFile(path: string): KeySet {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`cannot read the keys of ${path} (${codeOf(error)}); give a text file with one key a line`)
  }
  if (text.includes('\0')) throw new UsageError(`${path} is not text; give a file with one key a line`)
  const keys = [...new Set(text.split(/\r?\n/).filter(line => line !== ''))]
  if (keys.length < 2)
    throw new UsageError(`${path} holds ${keys.length} keys; give a file with one key a line, two at least`)
  return { name: path, keys }
}

/** The bytes of a key that a map stores and hashes: one byte a character if all characters are below U+0100, else UTF-16. */
export function storedForm(key: string): Uint8Array {
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) > 0xff) return Buffer.from(key, 'utf16le')
  return Buffer.from(key, 'latin1')
}

/** Kinds of keys that programs have, `count` keys of each kind (fewer words, if the text has fewer). */
export function builtInSets(count: number, seed: number): KeySet[] {
  const next = random(seed)
  const hex = (length: number) => Array.from({ length }, () => Math.floor(next() * 16).toString(16)).join('')
  const sets: KeySet[] = [
    { name: 'user:N', keys: userKeys(count) },
    { name: 'sess:xxx', keys: Array.from({ length: count }, () => flat(`sess:${hex(11)}`)) },
    {
      name: 'uuid',
      keys: Array.from({ length: count }, () => flat(`${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`)),
    },
    {
      name: 'paths',
      keys: Array.from({ length: count }, (_, i) => flat(`/api/v1/tenants/${i % 97}/orders/${i}/items/${i % 7}`)),
    },
  ]
  const words = realWords(count)
  return words.length >= 1000 ? [...sets, { name: 'real words', keys: words }] : sets
}

/** Distinct words of the text below the nearest node_modules. */
function realWords(count: number): string[] {
  const root = nearestNodeModules(process.cwd())
  if (root === undefined) return []
  const words = new Set<string>()
  try {
    const { text, bytes } = readCorpus(root, { sourceOnly: true, maxBytes: WORDS_FROM_BYTES })
    eachWord(Buffer.from(text).toString('utf8', 0, bytes), word => {
      if (words.size < count) words.add(word)
    })
  } catch {
    // There is no text, so the kind is left out.
  }
  return [...words]
}
