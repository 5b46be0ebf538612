#!/usr/bin/env node
// The command `threadmap` is the lab's. Where the lab is installed, in the project or beside the library, it is handed
// over to; the library itself depends on nothing.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const LAB = '@threadmap/lab'

/** The lab's package.json, as seen from the project or from here; undefined where it is in neither. */
function findLab() {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return createRequire(from).resolve(`${LAB}/package.json`)
    } catch {
      // Not there; the next place may have it.
    }
  }
  return undefined
}

const lab = findLab()
if (lab === undefined) {
  console.error(
    `threadmap: the command is in ${LAB}, which is not installed here; install it with: npm install --save-dev ${LAB}`,
  )
  process.exitCode = 2
} else {
  const { bin } = JSON.parse(readFileSync(lab, 'utf8'))
  await import(pathToFileURL(resolve(dirname(lab), bin.threadmap)).href)
}
