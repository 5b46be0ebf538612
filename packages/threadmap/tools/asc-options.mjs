// How the kernel is compiled, and what tests compile beside it.

// 65,536 pages: an import matches only memories whose maximum is not above the declared one, and a map may have 4 GiB.
export const ASC_OPTIONS = [
  ['-O3', '--runtime', 'stub', '--noAssert', '--use', 'abort='],
  ['--importMemory', '--noExportMemory', '--sharedMemory', '--maximumMemory', '65536'],
  ['--enable', 'threads,simd,bulk-memory,reference-types'],
].flat()
