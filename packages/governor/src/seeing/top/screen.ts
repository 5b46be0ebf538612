/** Draws frames over each other on a terminal until somebody presses q or Ctrl-C. */
import type { ReadStream, WriteStream } from 'node:tty'

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

export interface Screen {
  readonly input: ReadStream
  readonly output: WriteStream
}

/**
 * Calls `draw` now, every `periodMs` and when the terminal's size changes, and shows its lines. Resolves with the number of the
 * signal that ended it, or 0 after q. The terminal is as before then, also after an error.
 */
export async function animate(
  { input, output }: Screen,
  periodMs: number,
  draw: (signal: AbortSignal) => Promise<readonly string[]>,
): Promise<number> {
  const controller = new AbortController()
  let wake: (() => void) | undefined
  let ended = 0
  let isOver = false
  const end = (signal: number) => {
    ended = signal
    isOver = true
    controller.abort()
    wake?.()
  }
  const onKey = (data: Buffer) => {
    const keys = data.toString()
    if (keys.includes('\u0003')) end(2)
    else if (/[qQ]/.test(keys)) end(0)
  }
  const onInterrupt = () => end(2)
  const onTerminate = () => end(15)
  const onResize = () => wake?.()

  process.once('SIGINT', onInterrupt).once('SIGTERM', onTerminate)
  output.on('resize', onResize)
  const hasKeys = input.isTTY === true
  if (hasKeys) input.setRawMode(true).on('data', onKey).resume()
  output.write(ENTER)
  try {
    while (!isOver) {
      const lines = await draw(controller.signal)
      if (isOver) break
      output.write(`${HOME}${lines.map(line => line + CLEAR_LINE).join('\r\n')}${CLEAR_BELOW}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, periodMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  } finally {
    output.write(LEAVE)
    output.off('resize', onResize)
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate)
    if (hasKeys) input.off('data', onKey).setRawMode(false).pause()
  }
  return ended
}
