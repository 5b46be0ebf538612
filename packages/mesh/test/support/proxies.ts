import { withGiven } from '#mesh/install/given.js'
import { type Binary, findProxies } from '#mesh/install/installed.js'
import { hasOwnNetwork } from '#mesh/processes/network.js'

/** The folder of the proxies: set by .ci/run, or by hand after `threadmap mesh install`. */
const folder = process.env.THREADMAP_PROXIES

const { THREADMAP_LINKERD: linkerd, THREADMAP_ISTIOD: istiod } = process.env
const found = folder === undefined ? { binaries: [], absent: [] } : findProxies(folder)

/** Proxies that no package has, where the environment says where they are: `THREADMAP_LINKERD`, `THREADMAP_ISTIOD`. */
export const given: readonly Binary[] = withGiven(found, { linkerd, istiod }).binaries.filter(
  ({ subject }) =>
    (linkerd !== undefined && subject === 'linkerd2-proxy') || (istiod !== undefined && subject === 'istiod'),
)

/** The proxies that are there. In a network namespace of its own, only the one that needs it. */
export const binaries: readonly Binary[] = hasOwnNetwork()
  ? given.filter(({ subject }) => subject === 'linkerd2-proxy')
  : [...found.binaries, ...given.filter(({ subject }) => subject !== 'linkerd2-proxy')]

/** Why tests with proxies are skipped; false if they are not. */
export const skip: string | false =
  binaries.length > 0
    ? false
    : `proxies: ${folder === undefined ? 'THREADMAP_PROXIES names no folder' : `${folder} has none`}; run "threadmap mesh install DIR"`
