/** Starts pairs of the subjects that it is told, prints the PIDs of all processes as JSON, and waits to be killed. */
import { treeOf } from '#mesh/processes/tied.js'
import { Topology } from '#mesh/topology/topology.js'
import { binaries } from '../support/proxies.js'

const [firstPort, ...subjects] = process.argv.slice(2)
const topology = await Topology.start({
  binaries: binaries.filter(({ subject }) => subjects.includes(subject)),
  firstPort: Number(firstPort),
  signal: new AbortController().signal,
  leaveOut(what, why) {
    throw new Error(`${what}: ${why}`)
  },
})
const pids = topology.running.flatMap(({ pair }) =>
  [...Object.values(pair.processes), ...pair.others].flatMap(({ pid }) => treeOf(pid)),
)
process.stdout.write(`${JSON.stringify(pids)}\n`)
setInterval(() => {}, 1000)
