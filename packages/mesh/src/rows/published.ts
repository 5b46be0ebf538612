/** The rows that others published. They stand beside measured rows and decide nothing: other machines, versions and loads made them. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MeshRow } from './row.js'
import { rowsOf } from './supplied.js'
import { Field } from './yaml.js'

const FOLDER = fileURLToPath(new URL('../../published', import.meta.url))

/** The published rows that ship with this package, read by the rules for rows of users. */
export function publishedRows(): readonly MeshRow[] {
  return readdirSync(FOLDER)
    .filter(name => name.endsWith('.yaml'))
    .sort()
    .flatMap(name => rowsOf(Field.read(join(FOLDER, name)), 'published', new Date()).rows)
}
