// Just enough of the WebAssembly binary format to see what a module puts into memory.

const MEMORY_SECTION = 5
const IMPORT_SECTION = 2
const DATA_SECTION = 11

/**
 * @param {Uint8Array} bytes a module
 * @returns {{
 *   sections: { id: number, size: number }[],
 *   segments: { active: boolean, offset: number | string, bytes: Uint8Array }[],
 *   memory: undefined | { shared: boolean, minimum: number, maximum: number | undefined, imported: boolean },
 * }}
 */
export function readModule(bytes) {
  const magic = Buffer.from(bytes.subarray(0, 8)).toString('hex')
  if (magic !== '0061736d01000000') throw new Error(`not a WebAssembly module: it begins with ${magic}`)
  const reader = new Reader(bytes, 8)
  const module = { sections: [], segments: [], memory: undefined }
  while (reader.at < bytes.length) {
    const id = reader.byte()
    const size = reader.unsigned()
    const end = reader.at + size
    module.sections.push({ id, size })
    if (id === IMPORT_SECTION) readImports(reader, module)
    if (id === MEMORY_SECTION && reader.unsigned() > 0) module.memory = { ...reader.limits(), imported: false }
    if (id === DATA_SECTION) readSegments(reader, module)
    reader.at = end
  }
  return module
}

function readImports(reader, module) {
  for (let left = reader.unsigned(); left > 0; left--) {
    reader.take(reader.unsigned())
    reader.take(reader.unsigned())
    const kind = reader.byte()
    if (kind === 0) reader.unsigned()
    else if (kind === 1) reader.table()
    else if (kind === 2) module.memory = { ...reader.limits(), imported: true }
    else if (kind === 3) reader.take(2)
    else throw new Error(`an import of unknown kind ${kind}`)
  }
}

function readSegments(reader, module) {
  for (let left = reader.unsigned(); left > 0; left--) {
    const mode = reader.unsigned()
    if (mode === 2) reader.unsigned()
    const active = mode !== 1
    const offset = active ? reader.constant() : 'passive'
    module.segments.push({ active, offset, bytes: reader.take(reader.unsigned()) })
  }
}

class Reader {
  constructor(bytes, at) {
    this.bytes = bytes
    this.at = at
  }

  byte() {
    if (this.at >= this.bytes.length) throw new Error('the module is cut short')
    return this.bytes[this.at++]
  }

  take(length) {
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  /** LEB128 */
  unsigned() {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
  }

  limits() {
    const flags = this.byte()
    const minimum = this.unsigned()
    return { shared: (flags & 2) !== 0, minimum, maximum: flags & 1 ? this.unsigned() : undefined }
  }

  table() {
    this.byte()
    return this.limits()
  }

  /** A constant expression: the number of an i32.const (low bits suffice for a message), else what it is. */
  constant() {
    const opcode = this.byte()
    const value = this.unsigned()
    if (this.byte() !== 0x0b) throw new Error('a constant expression of more than one instruction')
    return opcode === 0x41 ? value : `expression 0x${opcode.toString(16)}`
  }
}
