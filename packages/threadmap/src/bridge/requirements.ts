/** Checks the features of the runtime that the library needs, before an error of the runtime's own explains nothing. */
import { UnsupportedError } from '../errors/classes.js'

/** `UnsupportedError` where there is no WebAssembly, or where a page may not share memory. */
export function checkRuntime(): void {
  if (typeof WebAssembly === 'undefined') {
    throw new UnsupportedError(
      'this runtime has no WebAssembly, in which threadmap works: run Node without --jitless, and a browser without its lockdown mode',
    )
  }
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean }
  if (crossOriginIsolated === false && typeof SharedArrayBuffer === 'undefined') {
    throw new UnsupportedError(
      'this page is not cross-origin isolated, so its threads may not share memory: serve it over https (or from localhost) with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp", and the scripts of its workers with the second',
    )
  }
}

/** TypeScript's declaration has no second parameter; a runtime that has none either ignores it. */
type Compile = new (bytes: Uint8Array<ArrayBuffer>, options: { builtins: string[] }) => WebAssembly.Module

/**
 * The module of these bytes, with the runtime's own functions for strings if it has WebAssembly's JS String Builtins. `UnsupportedError`
 * where the page's policy forbids WebAssembly.
 */
export function compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new (WebAssembly.Module as unknown as Compile)(bytes, { builtins: ['js-string'] })
  } catch (error) {
    if (!/Content Security Policy|CSP|unsafe-eval/i.test(String(error))) throw error
    throw new UnsupportedError(
      `the Content-Security-Policy of this page (or of this worker's script) forbids WebAssembly: add 'wasm-unsafe-eval' to script-src in that header (${String(error)})`,
    )
  }
}
