import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { test } from 'node:test'
import { disturbedText, isDisturbed, OthersWatch, sharesOf } from '@threadmap/workbench/threads/others'

test('other programs are noticed where they leave no processor free, and only there', () => {
  // Two hogs on two cores beside a program that needs both: each has a quarter.
  const hogs = sharesOf(1, 1, 2)
  assert.deepEqual(hogs, { own: 0.5, others: 0.5, idle: 0 })
  assert.equal(isDisturbed(hogs), true)
  assert.match(disturbedText(hogs), /^other programs had 50% of the processors/)
  assert.equal(isDisturbed(sharesOf(1, 2, 2)), false, 'all of it is our own')
  assert.equal(isDisturbed(sharesOf(0.5, 2, 8)), false, 'half of the machine is free')
  assert.equal(isDisturbed(sharesOf(0.52, 1, 2)), false)
})

test('what this process and its children use is its own', { skip: process.platform !== 'linux' }, () => {
  const watch = new OthersWatch()
  const before = process.cpuUsage()
  const began = performance.now()
  execFileSync(process.execPath, ['-e', 'while (process.cpuUsage().user < 500_000);'])
  const { own, others, idle } = watch.stop()
  const seconds = ((performance.now() - began) / 1000) * cpus().length
  const { user, system } = process.cpuUsage(before)
  assert.ok(Math.abs(own + others + idle - 1) < 1e-9)
  const children = own * seconds - (user + system) / 1e6
  assert.ok(children > 0.3, `the child used half a second, of which ${children} s were counted`)
})
