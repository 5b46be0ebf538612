import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

test('an interrupt ends a program that does not end by itself, by the same signal', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const program = fileURLToPath(new URL('../support/stubborn.js', import.meta.url))
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.stdout.once('data', () => child.kill(signal))
    const ended = await new Promise(resolve => child.on('close', (_, by) => resolve(by)))
    assert.equal(ended, signal)
    assert.equal(stderr, 'error: interrupted: the workers did not end within 0.1 s, so the process ends with them\n')
  }
})
