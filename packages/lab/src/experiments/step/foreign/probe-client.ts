/** The lab's side of the probe: finds the probes of a server's processes, and asks them. */
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ask, type HotCode, PROBE_FILE, type ProbeFigures, type ProbeFile } from '../../../probe/layout.js'

/** A probe answers from a thread of its own, at once; a file may be left over from a process that was killed. */
const LIMIT_MS = 3000

type Question = Ask extends infer One ? (One extends unknown ? Omit<One, 'token'> : never) : never

export class Probe {
  readonly #file: ProbeFile

  constructor(file: ProbeFile) {
    this.#file = file
  }

  async hasSeen(mark: number): Promise<boolean> {
    const reply = await this.#ask({ do: 'marked', mark })
    return (reply as { marked?: boolean } | undefined)?.marked === true
  }

  async watch(): Promise<void> {
    await this.#ask({ do: 'watch' })
  }

  async figures(): Promise<ProbeFigures | undefined> {
    return (await this.#ask({ do: 'figures' })) as ProbeFigures | undefined
  }

  async profile(threadId: number, ms: number): Promise<readonly HotCode[]> {
    const reply = await this.#ask({ do: 'profile', threadId, ms }, 4 * ms + LIMIT_MS)
    return (reply as { hot?: readonly HotCode[] } | undefined)?.hot ?? []
  }

  /** One line there, one line back; undefined if nobody answers. */
  #ask(question: Question, limit = LIMIT_MS): Promise<unknown> {
    const { port, token } = this.#file
    return new Promise(resolve => {
      const socket = connect({ port, host: '127.0.0.1' })
      const end = (reply?: unknown) => {
        clearTimeout(timer)
        socket.destroy()
        resolve(reply)
      }
      const timer = setTimeout(end, limit)
      let text = ''
      socket.setEncoding('utf8').on('data', (part: string) => {
        text += part
        if (!text.includes('\n')) return
        try {
          end(JSON.parse(text))
        } catch {
          end()
        }
      })
      socket.on('error', () => end())
      socket.on('close', () => end())
      socket.write(`${JSON.stringify({ token, ...question })}\n`)
    })
  }
}

/** All probes of this user's processes. */
export function probes(): Probe[] {
  return readdirSync(tmpdir())
    .filter(name => PROBE_FILE.test(name))
    .flatMap(name => {
      try {
        return new Probe(JSON.parse(readFileSync(join(tmpdir(), name), 'utf8')) as ProbeFile)
      } catch {
        return []
      }
    })
}
