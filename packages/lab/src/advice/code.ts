import { MAP_KINDS } from '@threadmap/workbench/subjects/maps'
import { USUAL_MAX_BYTES } from '@threadmap/workbench/subjects/room'
import { LMDB, MESSAGES, PRIVATE, SHAREDMAP } from '@threadmap/workbench/subjects/subject'
import type { MapKind } from 'threadmap'

/** The properties of the entries that a map's constructor needs. */
export interface Shape {
  /** The codecs as a program writes them: `string`, `f64`, `json<T>()`. */
  readonly key: string
  readonly value: string
  /** Entries to make room for at once. */
  readonly capacity: number
  /** Bytes that the map may grow to, where the library's usual limit may not be enough. */
  readonly maxBytes?: number
}

/** The line of TypeScript that makes `choice`; for a choice that is no class, a comment with its name. */
export function codeLine(choice: string, { key, value, capacity, maxBytes }: Shape): string {
  if (MAP_KINDS.includes(choice as MapKind)) {
    const most = maxBytes === undefined || maxBytes <= USUAL_MAX_BYTES ? '' : `, maxBytes: 2 ** ${Math.log2(maxBytes)}`
    return `const map = new ${choice}({ key: ${key}, value: ${value}, capacity: ${grouped(capacity)}${most} })`
  }
  switch (choice) {
    case PRIVATE.name:
      return 'const map = new Map()'
    case MESSAGES.name:
      return 'const map = new Map() // in one worker; the others ask it with postMessage, 64 requests in a message'
    case SHAREDMAP.name:
      return `const map = new SharedMap(${grouped(capacity)}, 24, 24) // npm install sharedmap`
    case LMDB.name:
      return "const map = open({ path: '/dev/shm/map' }) // npm install lmdb"
    default:
      return `// ${choice}`
  }
}

/** The import that `codeLine` needs, or undefined. */
export function importLine(choice: string, { key, value }: Shape): string | undefined {
  if (!MAP_KINDS.includes(choice as MapKind)) return undefined
  const names = [...new Set([key, value].map(codec => codec.replace(/\W.*$/, '')))]
  return `import { ${[choice, ...names].join(', ')} } from 'threadmap'`
}

function grouped(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, '_')
}
