import { FastMap, f64, string } from 'threadmap'
export function hits(): FastMap<string, number> {
  const map = new FastMap({ key: string, value: f64 })
  map.add('a', 2)
  return map
}
