#!/usr/bin/env node
// The command `threadmap` is the lab's, or the governor's where only that is installed, in the project or beside the library. It is
// handed over to; the library itself depends on nothing.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const LAB = '@threadmap/lab'
const GOVERNOR = '@threadmap/governor'

/** The package.json of a package, as seen from the project or from here; undefined where it is in neither. */
function find(name) {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return createRequire(from).resolve(`${name}/package.json`)
    } catch {
      // Not there; the next place may have it.
    }
  }
  return undefined
}

const found = find(LAB) ?? find(GOVERNOR)
if (found === undefined) {
  console.error(
    `threadmap: the command is in ${LAB}, which is not installed here; install it with: npm install --save-dev ${LAB}`,
  )
  process.exitCode = 2
} else {
  const { bin, threadmap } = JSON.parse(readFileSync(found, 'utf8'))
  await import(pathToFileURL(resolve(dirname(found), bin?.threadmap ?? threadmap.program)).href)
}
