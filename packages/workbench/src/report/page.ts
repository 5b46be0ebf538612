import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { type Content, Html, html, inlineScript } from './html.js'
import { STYLE } from './style.js'

const require = createRequire(import.meta.url)

/** A page in one file: it contains its style, scripts and data, and its policy forbids loading anything. */
export function page(title: string, head: Content, body: Content): string {
  const library = require.resolve('uplot/dist/uPlot.iife.min.js')
  const libraryStyle = require.resolve('uplot/dist/uPlot.min.css')
  const client = fileURLToPath(new URL('./browser/client.js', import.meta.url))
  const style = Html.trusted(`${readFileSync(libraryStyle, 'utf8')}${STYLE}`)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<header class="top">${head}</header>
<main>${body}</main>
<footer><p>Made by the threadmap lab. This file holds everything it shows and loads nothing.</p></footer>
${inlineScript(readFileSync(library, 'utf8'), 'text/javascript')}
${inlineScript(readFileSync(client, 'utf8'), 'module')}
</body>
</html>
`.text
}
