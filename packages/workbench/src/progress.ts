import type { WriteStream } from 'node:tty'

/** The progress of a long command: on a terminal one line that rewrites itself, in a pipe plain lines. */
export interface Progress {
  /** Shows the current work, on a terminal only. Called often. */
  live(text: string): void
  /** Prints a step that is done, in a pipe only. Called seldom. */
  step(text: string): void
  /** Clears the line, so that other output can follow. */
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
      // Cut to the width of the terminal, since a line that wraps could not be rewritten.
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
