import { readdirSync, readFileSync } from 'node:fs'
import { allowedProcessors, processorList } from '@threadmap/workbench/threads/affinity'

/** The processors of each memory node that this program may use; one empty list where the system does not tell. */
export function memoryNodes(root = '/sys/devices/system/node'): number[][] {
  try {
    const allowed = new Set(allowedProcessors())
    const nodes = readdirSync(root)
      .filter(name => /^node\d+$/.test(name))
      .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
      .map(name => processorList(readFileSync(`${root}/${name}/cpulist`, 'utf8')).filter(cpu => allowed.has(cpu)))
      .filter(list => list.length > 0)
    return nodes.length === 0 ? [[]] : nodes
  } catch {
    return [[]]
  }
}
