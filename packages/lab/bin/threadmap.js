#!/usr/bin/env node
// The command `threadmap`. This file is not compiled: npm links it when it installs a checkout, before anything is built.
import { existsSync } from 'node:fs'

const program = new URL('../dist/cli.js', import.meta.url)
if (existsSync(program)) {
  await import(program.href)
} else {
  console.error('threadmap: this checkout is not built yet; run "npm run build" in it')
  process.exitCode = 2
}
