/** A piece of HTML that is safe to put into a page. Only the tag `html` makes it, and escapes all other values. */
export class Html {
  readonly text: string
  private constructor(text: string) {
    this.text = text
  }

  /** Takes text as HTML without escaping: for text that this package wrote, never for names or messages. */
  static trusted(text: string): Html {
    return new Html(text)
  }
}

export type Content = string | number | Html | null | undefined | false | readonly Content[]

/** `<b>${anything}</b>`: values are escaped, other `Html` is put in as it is, lists are joined, null and false become nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return Html.trusted(parts.map((part, at) => part + (at < values.length ? textOf(values[at]) : '')).join(''))
}

function textOf(content: Content): string {
  if (content === null || content === undefined || content === false) return ''
  if (content instanceof Html) return content.text
  if (typeof content === 'object') return content.map(textOf).join('')
  return escaped(String(content))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  // HTML allows no control characters, not even as entities.
  return text.replaceAll(/[&<>"']/g, found => ENTITIES[found]).replaceAll(/(?![\t\n])\p{Cc}/gu, '\ufffd')
}

/** Plain data for a script of the page. No character of it can end the script element. */
export function jsonIsland(id: string, data: unknown): Html {
  const text = JSON.stringify(data).replaceAll('<', '\\u003c')
  return html`<script type="application/json" id="${id}">${Html.trusted(text)}</script>`
}

/** A script of this package or of a library, inlined. */
export function inlineScript(source: string, type: 'text/javascript' | 'module'): Html {
  return html`<script type="${type}">${Html.trusted(source.replaceAll('</script', '<\\/script'))}</script>`
}

/** An identifier for an anchor, from any name. */
export function anchor(...parts: readonly string[]): string {
  return parts.map(part => encodeURIComponent(part).replaceAll(/[^A-Za-z0-9_-]/g, '_')).join('--')
}
