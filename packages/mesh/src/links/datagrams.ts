/** Datagrams through a link, there and back: each sender gets a socket of its own towards the target, which answers to that. */
import { createSocket, type Socket } from 'node:dgram'
import type { Quality, Route } from './protocol.js'

/** Passes datagrams from `port` to `target` and the answers back. A lost one is gone, as UDP has it; what passes a cut link is gone too. */
export function relay(
  { host, port, targetHost, target }: Required<Omit<Route, 'datagrams'>>,
  quality: () => Quality,
  random: () => number,
): void {
  const pass = (work: () => void) => {
    const { delayMs, loss, isCut } = quality()
    if (isCut || random() < loss) return
    if (delayMs === 0) work()
    else setTimeout(work, delayMs)
  }
  const towards = new Map<string, Socket>()
  const near = createSocket('udp4')
  // Nobody may listen at the other end: that is a lost datagram.
  near.on('error', () => {})
  near.on('message', (message, { address, port: from }) => {
    const sender = `${address}:${from}`
    let far = towards.get(sender)
    if (far === undefined) {
      far = createSocket('udp4')
      far.on('error', () => {})
      far.on('message', answer => pass(() => near.send(answer, from, address)))
      far.bind(0, host)
      towards.set(sender, far)
    }
    const to = far
    pass(() => to.send(message, target, targetHost))
  })
  near.bind(port, host)
}
