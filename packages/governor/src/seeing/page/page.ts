/** The whole page: one document that loads nothing from elsewhere. */
import { createHash } from 'node:crypto'
import type { GovernorSnapshot } from '../../snapshot.js'
import { html, ownHtml } from './html.js'
import { SCRIPT } from './script.js'
import { STYLE } from './style.js'
import { view } from './view.js'

/**
 * The page may run this script and use this style, and nothing else: whatever got into it in spite of the escaping could not run,
 * load or send anything. Styles in attributes are the colours of cells and the lengths of bars.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `script-src '${hash(SCRIPT)}'`,
  `style-src '${hash(STYLE)}'`,
  "style-src-attr 'unsafe-inline'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export function page(snapshot: GovernorSnapshot): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Governor: ${snapshot.shards.length} shards</title>
<link rel="icon" href="data:,">
<style>${ownHtml(STYLE)}</style>
<noscript><meta http-equiv="refresh" content="5"></noscript>
</head>
<body>
<header><h1>threadmap governor</h1><p id="state">Updated every 2 seconds</p><button id="pause" type="button" hidden>Pause</button></header>
<main id="view">${view(snapshot)}</main>
<footer><p>As data: <a href="snapshot.json">snapshot.json</a>, and <a href="metrics">metrics</a> for Prometheus. In a terminal: <code>threadmap top</code> with this address.</p></footer>
<script type="module">${ownHtml(SCRIPT)}</script>
</body>
</html>
`.text
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
