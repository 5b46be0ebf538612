import { type Browser, chromium } from 'playwright-core'
import { PATIENCE } from '../support/patience.js'

// The browser only loads pages from loopback; without these flags it looks up hosts of its maker at every start.
const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
// Chromium's sandbox does not work for root, as which CI runs; a developer keeps the sandbox.
const SANDBOX = process.getuid?.() === 0 ? ['--no-sandbox'] : []

export function launch(executablePath: string): Promise<Browser> {
  const args = ['--disable-gpu', ...QUIET, ...SANDBOX]
  return chromium.launch({ executablePath, headless: true, timeout: PATIENCE, args })
}
