/** What the stores throw on purpose, beside the errors of `threadmap` and of the packages that they plug into. */
import { ThreadmapError } from 'threadmap'

/** The peer that is installed has a version that the store does not work with. */
export class PeerVersionError extends ThreadmapError {
  static {
    PeerVersionError.prototype.name = 'PeerVersionError'
  }
  /** The name of the peer, such as `keyv`. */
  readonly peer: string
  /** The range of versions that the store works with, as package.json has it. */
  readonly wanted: string
  /** The version that is installed. */
  readonly found: string
  constructor(peer: string, wanted: string, found: string) {
    super(
      'ERR_THREADMAP_PEER_VERSION',
      `@threadmap/stores works with ${peer} ${wanted}, and finds ${peer} ${found}; install a version of that range`,
    )
    this.peer = peer
    this.wanted = wanted
    this.found = found
  }
}
