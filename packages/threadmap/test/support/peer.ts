import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import * as threadmap from 'threadmap'
import { PATIENCE } from './patience.js'

/** A value in a message: a structured clone, or a reference to an object or function of the sender or receiver. */
type Packed = { value: unknown } | { mine: number } | { yours: number } | { function: number }

type Message =
  | { type: 'call'; target: number; method: string | null; self: Packed; args: Packed[] }
  | { type: 'read'; target: number; property: string }
  | { type: 'return'; result: Packed }
  | { type: 'throw'; error: Thrown }
  | { type: 'job'; id: number; name: string; input: unknown }

interface Thrown {
  name: string
  message: string
  stack: string
  fields: Record<string, unknown>
  /** The number under which the describing side keeps the thrown value itself. */
  kept: number
  /** Set when the error came from the other side in the first place: that side gets its own object back. */
  origin: number | undefined
}

/** The other side's object. */
export class Reference {
  readonly id: number
  constructor(id: number) {
    this.id = id
  }
}

/**
 * One end of a synchronous conversation between two threads: each can call the other's objects and be called back
 * before the answer comes, so that a test can drive a map in another thread as if it were in its own.
 */
export class Peer {
  readonly #port: MessagePort
  readonly #bells: Int32Array
  readonly #mine: number
  readonly #objects = new Map<number, unknown>()
  readonly #numbers = new Map<unknown, number>()
  /** Errors that came from the other side, by their number there. */
  #origins = new WeakMap<object, number>()
  #last = 0

  /** `side` is 0 in the one thread and 1 in the other; `bells` two shared words. */
  constructor(port: MessagePort, bells: Int32Array, side: 0 | 1) {
    this.#port = port
    this.#bells = bells
    this.#mine = side
  }

  /** Lets the other side call `object`; returns the object's number. */
  expose(object: unknown): number {
    const known = this.#numbers.get(object)
    if (known !== undefined) return known
    this.#last++
    this.#objects.set(this.#last, object)
    this.#numbers.set(object, this.#last)
    return this.#last
  }

  /** Drops what was exposed since the first object, so that maps of finished tests can be collected. */
  forget(): void {
    for (const [object, number] of this.#numbers) {
      if (number === 1) continue
      this.#numbers.delete(object)
      this.#objects.delete(number)
    }
  }

  /** Calls a method of the other side's object, or the function itself when `method` is null. */
  call(target: number, method: string | null, args: readonly unknown[], self?: unknown): unknown {
    this.#send({ type: 'call', target, method, self: this.#pack(self), args: args.map(arg => this.#pack(arg)) })
    return this.#answer()
  }

  read(target: number, property: string): unknown {
    this.#send({ type: 'read', target, property })
    return this.#answer()
  }

  /** Starts a job in the other thread without waiting for it. */
  start(id: number, name: string, input: unknown): void {
    this.#send({ type: 'job', id, name, input })
  }

  /** Serves the other side for ever. */
  serve(onJob: (id: number, name: string, input: unknown) => void): never {
    while (true) {
      const message = this.#receive(Number.POSITIVE_INFINITY)
      if (message.type === 'job') onJob(message.id, message.name, message.input)
      else this.#handle(message)
    }
  }

  #answer(): unknown {
    while (true) {
      const message = this.#receive(PATIENCE)
      if (message.type === 'return') return this.#unpack(message.result)
      if (message.type === 'throw') throw this.#revive(message.error)
      this.#handle(message)
    }
  }

  #handle(message: Message): void {
    try {
      let result: unknown
      if (message.type === 'call') {
        const target = this.#objects.get(message.target) as object
        const called = message.method === null ? target : Reflect.get(target, property(message.method))
        const self = message.method === null ? this.#unpack(message.self) : target
        result = Reflect.apply(
          called as () => unknown,
          self,
          message.args.map(arg => this.#unpack(arg)),
        )
      } else if (message.type === 'read') {
        result = Reflect.get(this.#objects.get(message.target) as object, property(message.property))
      } else {
        throw new Error(`unexpected message ${message.type}`)
      }
      this.#send({ type: 'return', result: this.#pack(result) })
    } catch (error) {
      this.#send({ type: 'throw', error: this.#describe(error) })
    }
  }

  #send(message: Message): void {
    this.#port.postMessage(message)
    Atomics.add(this.#bells, 1 - this.#mine, 1)
    Atomics.notify(this.#bells, 1 - this.#mine)
  }

  #receive(limit: number): Message {
    while (true) {
      const rung = Atomics.load(this.#bells, this.#mine)
      const packet = receiveMessageOnPort(this.#port) as { message: Message } | undefined
      if (packet !== undefined) return packet.message
      if (Atomics.wait(this.#bells, this.#mine, rung, limit) === 'timed-out') {
        throw new Error(`the other thread has said nothing for ${limit} ms`)
      }
    }
  }

  #pack(value: unknown): Packed {
    if (value instanceof Reference) return { yours: value.id }
    if (typeof value === 'function') return { function: this.expose(value) }
    if (isIterator(value) || this.#numbers.has(value)) return { mine: this.expose(value) }
    return { value }
  }

  #unpack(packed: Packed): unknown {
    if ('value' in packed) return packed.value
    if ('yours' in packed) return this.#objects.get(packed.yours)
    if ('mine' in packed) return new Reference(packed.mine)
    const { call, function: number } = { call: this.call.bind(this), function: packed.function }
    return function (this: unknown, ...args: unknown[]): unknown {
      return call(number, null, args, this)
    }
  }

  #describe(error: unknown): Thrown {
    const { name, message, stack, ...fields } = error instanceof Error ? error : new Error(String(error))
    const origin = this.#origins.get(error as object)
    return {
      name,
      message,
      stack: stack ?? '',
      fields: JSON.parse(JSON.stringify(fields)),
      kept: this.expose(error),
      origin,
    }
  }

  #revive({ name, message, stack, fields, kept, origin }: Thrown): unknown {
    if (origin !== undefined) return this.#objects.get(origin)
    const known = Reflect.get(name in threadmap ? threadmap : globalThis, name)
    const prototype = typeof known === 'function' ? known.prototype : Error.prototype
    const revived: object = Object.create(prototype as object, {
      message: { value: message, configurable: true, writable: true },
      stack: { value: `(in the other thread) ${stack}`, configurable: true, writable: true },
    })
    this.#origins.set(Object.assign(revived, { name, ...fields }), kept)
    return revived
  }
}

/** Symbols cannot be sent: `@@iterator` means `Symbol.iterator`. */
function property(name: string): string | symbol {
  return name.startsWith('@@') ? (Reflect.get(Symbol, name.slice(2)) as symbol) : name
}

function isIterator(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'next' in value && typeof value.next === 'function'
}
