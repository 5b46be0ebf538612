/**
 * The folder of a run: keys, configurations and logs of all that runs. It lies in the system's folder for temporary files, since the paths of
 * sockets may not be long. Whoever is killed leaves its folder behind, so each run deletes those whose owner is gone: an owner listens at a socket in
 * its folder, which tells also across PID namespaces that share the file system, where a process id would not.
 */
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PREFIX = 'threadmap-mesh-run-'
const OWNER = 'owner.sock'
/** An owner that makes its folder has no socket in it for a moment. */
const YOUNG_MS = 60_000

export class RunFolder {
  readonly path: string
  readonly #owner: Server

  private constructor(path: string, owner: Server) {
    this.path = path
    this.#owner = owner
  }

  /** Makes a folder that only this user may enter, after deleting those that other runs have left. */
  static async create(parent = tmpdir()): Promise<RunFolder> {
    await sweep(parent)
    const path = mkdtempSync(join(parent, PREFIX))
    const owner = createServer(socket => socket.destroy())
    await new Promise<void>((resolve, reject) => {
      owner.once('error', reject)
      owner.listen(join(path, OWNER), resolve)
    })
    // It tells that this process lives, and must not keep it alive.
    owner.unref()
    return new RunFolder(path, owner)
  }

  /** Deletes the folder. */
  remove(): void {
    this.#owner.close()
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Deletes the folders of runs that were killed. */
async function sweep(parent: string): Promise<void> {
  for (const name of readdirSync(parent).filter(name => name.startsWith(PREFIX))) {
    const path = join(parent, name)
    if (!(await isAbandoned(path))) continue
    try {
      rmSync(path, { recursive: true, force: true })
    } catch {
      // Another user's, or another run deletes it at this moment.
    }
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const { uid, mtimeMs } = lstatSync(path)
    if (uid !== process.getuid?.()) return false
    const isOwned = await answers(join(path, OWNER))
    return isOwned === undefined ? Date.now() - mtimeMs > YOUNG_MS : !isOwned
  } catch {
    return false
  }
}

/** Whether somebody listens at a socket; undefined if there is none. */
function answers(path: string): Promise<boolean | undefined> {
  return new Promise(resolve => {
    const socket = connect({ path })
    const end = (result: boolean | undefined) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => end(true))
    socket.once('error', error => {
      const code = 'code' in error ? error.code : undefined
      // A full queue means that somebody listens.
      end(code === 'ENOENT' ? undefined : code !== 'ECONNREFUSED')
    })
  })
}
