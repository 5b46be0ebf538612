import { type Binary, findProxies } from '#mesh/install/installed.js'

/** The folder of the proxies: set by .ci/run, or by hand after `threadmap mesh install`. */
const folder = process.env.THREADMAP_PROXIES

/** The proxies that are there. */
export const binaries: readonly Binary[] = folder === undefined ? [] : findProxies(folder).binaries

/** Why tests with proxies are skipped; false if they are not. */
export const skip: string | false =
  binaries.length > 0
    ? false
    : `proxies: ${folder === undefined ? 'THREADMAP_PROXIES names no folder' : `${folder} has none`}; run "threadmap mesh install DIR"`
