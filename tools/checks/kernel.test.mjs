// The kernel's sources have no unused declarations, and no imports in circles.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { root } from '../setup.mjs'

const library = join(root, 'packages/threadmap')

/** @returns {Map<string, string>} the TypeScript sources of a folder of the library, by their paths below it */
function sources(folder) {
  const names = readdirSync(join(library, folder), { recursive: true, encoding: 'utf8' })
  return new Map(
    names
      .filter(name => name.endsWith('.ts') && !name.endsWith('.generated.ts'))
      .map(name => [name.replaceAll('\\', '/'), readFileSync(join(library, folder, name), 'utf8')]),
  )
}

const kernel = sources('kernel')
const code = text => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
const words = text => new Set(code(text).match(/\w+/g))
const declared = text => [...text.matchAll(/^(?:export )?(?:function|const|let) (\w+)/gm)].map(([, name]) => name)
const exported = text => [...text.matchAll(/^export (?:function|const|let) (\w+)/gm)].map(([, name]) => name)

test('the kernel has no unused declarations', () => {
  const javaScript = words([...sources('src').values(), ...sources('test').values()].join('\n'))
  const entry = words(kernel.get('index.ts'))
  const unused = []
  for (const [file, text] of kernel) {
    const own = code(text)
    for (const name of declared(text)) {
      // Functions that JavaScript calls, and numbers that only JavaScript uses.
      const isPublic = file === 'index.ts' || file === 'layout.ts' || text === kernel.get('threads/user-locks.ts')
      if ((isPublic && javaScript.has(name)) || entry.has(name)) continue
      if (own.match(new RegExp(`\\b${name}\\b`, 'g')).length > 1) continue
      if (![...kernel].some(([other, text]) => other !== file && words(text).has(name))) unused.push(`${file}: ${name}`)
    }
    for (const name of exported(text)) {
      if (file === 'index.ts' || file === 'layout.ts' || file === 'threads/user-locks.ts') continue
      if (![...kernel].some(([other, text]) => other !== file && words(text).has(name)))
        unused.push(`${file} exports ${name}`)
    }
    for (const [, list] of text.matchAll(/^import \{([^}]*)\} from/gm)) {
      const body = words(text.replace(/^import \{[^}]*\} from .*$/gm, ''))
      for (const name of list.split(',').flatMap(part => part.trim().split(' as ').slice(-1))) {
        if (name !== '' && !body.has(name)) unused.push(`${file} imports ${name}`)
      }
    }
  }
  assert.deepEqual(unused, [])
})

test('no imports of the kernel go round in a circle', () => {
  const imports = (file, text) =>
    [...text.matchAll(/ from '(\.[^']+)'/g)].map(([, path]) => `${posix.join(posix.dirname(file), path)}.ts`)
  const done = new Set()
  const visit = (file, path) => {
    assert.ok(!path.includes(file), `a circle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`)
    if (done.has(file)) return
    for (const next of imports(file, kernel.get(file))) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of kernel.keys()) visit(file, [])
})
