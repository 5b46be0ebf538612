/**
 * The part of the Standard Schema interface, version 1, that this library uses. It follows the specification of Colin McDonnell,
 * Fabian Hiller and David Blass (https://standardschema.dev), which zod, valibot, arktype and others implement.
 */
import { CodecError, OptionError } from '../errors/classes.js'
import { forKey, isThenable, quote } from '../errors/quote.js'

/** A schema of any library that implements Standard Schema. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The members that the specification demands of a schema. */
  readonly '~standard': {
    /** The version of the specification. */
    readonly version: 1
    /** The name of the library that made the schema; errors quote it. */
    readonly vendor: string
    /** Present in types only. */
    readonly types?:
      | {
          /** The type that the schema takes. */
          readonly input: Input
          /** The type that the schema returns. */
          readonly output: Output
        }
      | undefined
    /** Checks `value`. A map refuses schemas that return a promise. */
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>
  }
}

/** The answer of a schema: its output, or the issues. */
export type SchemaResult<Output> =
  | {
      /** The output of the schema, which is what the map stores. */
      readonly value: Output
      /** Absent when the schema accepts the value. */
      readonly issues?: undefined
    }
  | {
      /** Why the schema refuses the value. */
      readonly issues: ReadonlyArray<SchemaIssue>
    }

/** One reason why a schema refuses a value. */
export interface SchemaIssue {
  /** What is wrong, in words. */
  readonly message: string
  /** Where in the value: the property names or indices from the outside to the inside. Absent: the value itself. */
  readonly path?:
    | ReadonlyArray<
        | PropertyKey
        | {
            /** The property name or index of this step. */
            readonly key: PropertyKey
          }
      >
    | undefined
}

/** How many issues an error quotes: a message with hundreds of them does not help. */
const MOST_ISSUES = 5

/** `CodecError` if `schema` is no Standard Schema. */
export function checkSchema(schema: unknown): void {
  const isObject = (typeof schema === 'object' && schema !== null) || typeof schema === 'function'
  const standard = isObject ? (schema as Partial<StandardSchema>)['~standard'] : undefined
  if (typeof standard?.validate === 'function' && standard.version === 1) return
  throw new OptionError(
    `json() takes a schema that implements Standard Schema version 1 (zod from 3.24, valibot from 1.0, arktype from 2.0, and others), and got ${quote(schema)}`,
  )
}

/** The output of a schema for `value`. `CodecError` with the issues and their paths if the schema refuses it. */
export function validate<T>(schema: StandardSchema<unknown, T>, value: unknown, key: unknown): T {
  const { vendor } = schema['~standard']
  const result = schema['~standard'].validate(value)
  if (isThenable(result)) {
    // Nothing awaits the promise: its rejection must not end the process.
    ;(result as Promise<unknown>).then(ignore, ignore)
    throw new CodecError(
      `the ${vendor} schema of json() validates asynchronously, and map operations do not wait: use a schema without asynchronous checks, or validate before you call${forKey(key)}`,
    )
  }
  const { issues } = result as SchemaResult<T>
  if (issues === undefined) return (result as { value: T }).value
  const told = issues.slice(0, MOST_ISSUES).map(issue => `${pathOf(issue)}: ${issue.message}`)
  if (issues.length > told.length) told.push(`and ${issues.length - told.length} more`)
  throw new CodecError(`the ${vendor} schema of json() refuses the value: ${told.join('; ')}${forKey(key)}`)
}

function ignore(): void {}

/** The place of an issue, as code would write it: `value.tags[0]`. */
function pathOf(issue: SchemaIssue): string {
  let path = 'value'
  for (const step of issue.path ?? []) {
    const name = typeof step === 'object' ? step.key : step
    path += typeof name === 'string' && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? `.${name}` : bracket(name)
  }
  return path
}

function bracket(name: PropertyKey): string {
  return `[${typeof name === 'string' ? JSON.stringify(name) : String(name)}]`
}
