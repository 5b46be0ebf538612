/** HTML from templates that escape every value: keys are text of other people, who may write `<script>` into them. */
import { visible } from '../visible.js'

/** HTML that is safe to send. Only the tag `html` and `ownHtml` make it. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Content = string | number | Html | undefined | readonly Content[]

/** `<b>${key}</b>`: strings and numbers are escaped, `Html` stays as it is, lists are joined, undefined is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(written)))
}

/** Text of this package as HTML: its own script and style, never a value. */
export function ownHtml(text: string): Html {
  return new Html(text)
}

function written(content: Content): string {
  if (content === undefined) return ''
  if (content instanceof Html) return content.text
  return typeof content === 'object' ? content.map(written).join('') : escaped(visible(String(content)))
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
