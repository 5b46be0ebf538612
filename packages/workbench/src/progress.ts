import type { WriteStream } from 'node:tty'

/** What a long command shows while it runs: on a terminal one line that rewrites itself, in a pipe plain lines. */
export interface Progress {
  /** Often: what happens right now. Shown on a terminal only. */
  live(text: string): void
  /** Seldom: what has been done. Shown in a pipe only. */
  step(text: string): void
  /** Leaves the line empty for whatever is printed next. */
  clear(): void
}

const CLEAR_LINE = '\r\x1b[2K'

export function progressOn(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? onTerminal(stream) : inPipe(stream)
}

function onTerminal(stream: WriteStream): Progress {
  let shown = false
  return {
    live(text) {
      // A line that wraps could not be rewritten.
      stream.write(CLEAR_LINE + text.slice(0, Math.max(0, (stream.columns || 80) - 1)))
      shown = true
    },
    step() {},
    clear() {
      if (shown) stream.write(CLEAR_LINE)
      shown = false
    },
  }
}

function inPipe(stream: NodeJS.WriteStream): Progress {
  return {
    live() {},
    step(text) {
      stream.write(`${text}\n`)
    },
    clear() {},
  }
}

/** `8 s`, `1 min 20 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}
