import { readdirSync, readFileSync } from 'node:fs'

/** The processors of each memory node; one list of nothing where the system does not say. */
export function memoryNodes(): number[][] {
  const root = '/sys/devices/system/node'
  try {
    return readdirSync(root)
      .filter(name => /^node\d+$/.test(name))
      .map(name => cpuList(readFileSync(`${root}/${name}/cpulist`, 'utf8')))
      .filter(list => list.length > 0)
  } catch {
    return [[]]
  }
}

/** `0-3,8` as numbers. */
export function cpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap(part => {
      const [low, high = low] = part.split('-').map(Number)
      return Array.from({ length: high - low + 1 }, (_, i) => low + i)
    })
}
