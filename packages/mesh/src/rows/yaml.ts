/** YAML with the line of every field, so that a fault can be found in the file. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { codeOf } from '@threadmap/workbench/files'
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { RowsError } from './errors.js'
import { near } from './metrics.js'

/** Files of rows are written by hand; a larger file is something else. */
const MOST_BYTES = 1 << 20
/** Characters of a text: a note is a sentence, not a document. */
const MOST_CHARACTERS = 500

/** A value of a YAML file, with the means to say what is wrong with it. */
export class Field {
  readonly #file: string
  readonly #lines: LineCounter
  readonly #node: Node | null
  readonly #line: number
  readonly path: string

  private constructor(file: string, lines: LineCounter, node: Node | null, path: string, line: number) {
    this.#file = file
    this.#lines = lines
    this.#node = node
    this.#line = node?.range == null ? line : lines.linePos(node.range[0]).line
    this.path = path
  }

  /** The document in a file. `RowsError` if the file cannot be read or is no YAML. */
  static read(name: string): Field {
    const file = resolve(name)
    const refuse = (problem: string, next: string, line = 1) => new RowsError({ file, line, field: '', problem, next })
    let text: string
    try {
      const { size } = statSync(file)
      if (size > MOST_BYTES)
        throw refuse(`the file has ${size} bytes, the limit is ${MOST_BYTES}`, 'give a file of rows')
      text = readFileSync(file, 'utf8')
    } catch (error) {
      if (error instanceof RowsError) throw error
      throw refuse(`cannot be read (${codeOf(error)})`, 'give a YAML file that exists')
    }
    return Field.parse(text, file)
  }

  /** The document in a text; `file` is its name in messages. */
  static parse(text: string, file: string): Field {
    const lines = new LineCounter()
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
    const [error] = document.errors
    if (error !== undefined) {
      const { line } = lines.linePos(error.pos[0])
      throw new RowsError({
        file,
        line,
        field: '',
        problem: `no YAML: ${error.message}`,
        next: 'correct the line',
      })
    }
    return new Field(file, lines, document.contents, '', 1)
  }

  get file(): string {
    return this.#file
  }

  get line(): number {
    return this.#line
  }

  error(problem: string, next: string): RowsError {
    return new RowsError({ file: this.#file, line: this.#line, field: this.path, problem, next })
  }

  /** The fields of a mapping by their names. `RowsError` for a field that is not in `known`, and for one in `required` that is missing. */
  fields<Name extends string>(known: readonly Name[], required: readonly Name[] = []): Partial<Record<Name, Field>> {
    const node = this.#node
    if (!isMap(node)) throw this.error(`is ${this.#what()}, not a mapping of fields`, `write ${known[0]}: ...`)
    const fields: Partial<Record<Name, Field>> = {}
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : ''
      const path = this.path === '' ? name : `${this.path}.${name}`
      const line = this.#lines.linePos((key as Node).range?.[0] ?? 0).line
      const field = new Field(this.#file, this.#lines, value as Node | null, path, line)
      if (!known.includes(name as Name)) {
        const likely = near(name, known)
        throw field.error(
          'there is no such field',
          likely.length > 0 ? `did you mean ${likely.join(' or ')}?` : `the fields are ${known.join(', ')}`,
        )
      }
      fields[name as Name] = field
    }
    const missing = required.find(name => fields[name] === undefined)
    if (missing !== undefined) throw this.error(`has no field ${missing}`, `add ${missing}: ...`)
    return fields
  }

  /** The names of the fields of a mapping, whatever they are, with their values. */
  entries(): (readonly [string, Field])[] {
    const node = this.#node
    if (!isMap(node)) throw this.error(`is ${this.#what()}, not a mapping`, 'write NAME: VALUE')
    return node.items.map(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : ''
      const line = this.#lines.linePos((key as Node).range?.[0] ?? 0).line
      return [name, new Field(this.#file, this.#lines, value as Node | null, `${this.path}.${name}`, line)] as const
    })
  }

  /** The items of a list. */
  items(most: number): Field[] {
    const node = this.#node
    if (!isSeq(node)) throw this.error(`is ${this.#what()}, not a list`, 'begin each item with "- "')
    if (node.items.length > most)
      throw this.error(`has ${node.items.length} items, the limit is ${most}`, 'split the file')
    return node.items.map(
      (item, at) => new Field(this.#file, this.#lines, item as Node | null, `${this.path}[${at}]`, this.#line),
    )
  }

  /** A text that is not empty. */
  text(): string {
    const value = this.#scalar()
    if (typeof value !== 'string' && typeof value !== 'number')
      throw this.error(`is ${this.#what()}, not a text`, 'write a text, in quotes if YAML reads it otherwise')
    // A version such as 1.40 would lose its last digit as a number, so the source of the scalar counts.
    const text = isScalar(this.#node) && this.#node.source !== undefined ? this.#node.source : String(value)
    if (text.trim() === '') throw this.error('is empty', 'write a text')
    if (text.length > MOST_CHARACTERS) {
      throw this.error(`has ${text.length} characters, the limit is ${MOST_CHARACTERS}`, 'shorten it')
    }
    return text
  }

  /** A number within the limits. */
  number({ above, atLeast }: { readonly above?: number; readonly atLeast?: number } = {}): number {
    const value = this.#scalar()
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw this.error(`is ${this.#what()}, not a number`, 'write a number without a unit')
    if (above !== undefined && value <= above)
      throw this.error(`is ${value}, and must be above ${above}`, 'correct the number')
    if (atLeast !== undefined && value < atLeast)
      throw this.error(`is ${value}, and must be at least ${atLeast}`, 'correct the number')
    return value
  }

  /** `yes` or `no`, also where YAML reads true or false. */
  yesOrNo(): 'yes' | 'no' {
    const value = this.#scalar()
    if (value === true || value === 'yes') return 'yes'
    if (value === false || value === 'no') return 'no'
    throw this.error(`is ${this.#what()}, not yes or no`, 'write yes or no')
  }

  #scalar(): unknown {
    // An alias would need the document to resolve, and a file of rows needs none.
    return isScalar(this.#node) ? this.#node.value : undefined
  }

  #what(): string {
    const node = this.#node
    if (node === null || (isScalar(node) && node.value === null)) return 'empty'
    if (isMap(node)) return 'a mapping'
    if (isSeq(node)) return 'a list'
    if (isAlias(node)) return 'an alias'
    return JSON.stringify(this.#scalar()) ?? 'no value'
  }
}
