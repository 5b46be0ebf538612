/** Dumps in files. A file with a dump's name is always a whole dump: it is written beside, under another name, and renamed. */
import { platform } from '#platform'
import { OptionError, UnsupportedError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import type { FileHandle, FileSystem } from '../platform/platform.js'

/** Bytes that are read at a time. */
const CHUNK = 256 * 1024

/** The file system; `UnsupportedError` where there is none. */
export function fileSystem(method: string, instead: string): FileSystem {
  if (platform.fileSystem !== undefined) return platform.fileSystem
  throw new UnsupportedError(
    `${method} needs files, which this runtime does not have; use ${instead}, and keep the bytes yourself`,
  )
}

export function checkPath(method: string, path: unknown): void {
  if ((typeof path === 'string' && path !== '') || path instanceof URL) return
  throw new OptionError(`${method} takes the path of a file as its second argument, and got ${quote(path)}`)
}

/**
 * Writes `parts` to a temporary file beside `path`, flushes it to the disk, and renames it: `path` is the old file or the whole new
 * one at any moment. Returns the number of bytes. After an error the temporary file is gone; a process that dies leaves it behind.
 */
export async function writeWhole(
  files: FileSystem,
  path: string | URL,
  parts: Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<number> {
  // Renaming would replace a symbolic link, and not the file that it leads to.
  const target = await files.realpath(path).catch(() => pathOf(path))
  const temporary = `${target}.${randomName()}.tmp`
  const handle = await files.open(temporary, 'wx')
  let bytes = 0
  try {
    try {
      for (const part of parts) {
        signal?.throwIfAborted()
        await writeAll(handle, part)
        bytes += part.length
      }
      signal?.throwIfAborted()
      await handle.sync()
    } finally {
      await handle.close()
    }
    await files.rename(temporary, target)
  } catch (error) {
    await files.unlink(temporary).catch(() => {})
    throw error
  }
  await syncFolder(files, target)
  return bytes
}

async function writeAll(handle: FileHandle, part: Uint8Array): Promise<void> {
  let at = 0
  while (at < part.length) at += (await handle.write(part, at, part.length - at)).bytesWritten
}

/** Makes the new name outlast a power failure. Windows opens no folders; there the rename is left to the file system. */
async function syncFolder(files: FileSystem, target: string): Promise<void> {
  const end = Math.max(target.lastIndexOf('/'), target.lastIndexOf('\\'))
  const folder = end < 0 ? '.' : end === 0 ? target[0] : target.slice(0, end)
  try {
    const handle = await files.open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch {
    // The dump itself is on the disk.
  }
}

/** The content of an open file from its beginning, in chunks of its own each. */
export async function* chunksOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  let position = 0
  while (true) {
    const chunk = new Uint8Array(CHUNK)
    const { bytesRead } = await handle.read(chunk, 0, CHUNK, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

/** The path of a file that may not exist yet. */
function pathOf(path: string | URL): string {
  if (typeof path === 'string') return path
  if (path.protocol !== 'file:') throw new OptionError(`a dump goes to a path or a file: URL, and got ${path.href}`)
  const decoded = decodeURIComponent(path.pathname)
  // On Windows the path of a file: URL is /C:/folder/file.
  return /^\/[A-Za-z]:\//.test(decoded) ? decoded.slice(1) : decoded
}

/** A name that no other dump to this file has at this time, in whatever process. */
function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(2)), word => word.toString(36)).join('')
}
