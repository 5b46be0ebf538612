/** Which `Host` a request may name. */

/**
 * Whether a request with this `Host` header may be answered. A page of the web can let its own name resolve to 127.0.0.1 and then
 * read what a server there answers (DNS rebinding); the browser sends that name as the host. An address in digits has no name that
 * could be rebound, and browsers resolve `localhost` themselves.
 */
export function isAllowedHost(host: string | undefined, allowed: readonly string[]): boolean {
  if (host === undefined) return false
  const name = /^(\[[0-9a-f:.]+\]|[^:[\]]*)(?::\d+)?$/i.exec(host)?.[1]?.toLowerCase().replace(/\.$/, '')
  if (name === undefined || name === '') return false
  if (name.startsWith('[') || /^\d{1,3}(\.\d{1,3}){3}$/.test(name)) return true
  return name === 'localhost' || name.endsWith('.localhost') || allowed.some(other => other.toLowerCase() === name)
}
