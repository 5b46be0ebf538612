// Builds src/page.js and its worker with one bundler. Usage: node build.mjs BUNDLER FOLDER
const [bundler, folder] = process.argv.slice(2)
/** esbuild and Rollup leave `new URL('./page-worker.js', import.meta.url)` as it is, so the worker is an entry of its own. */
const entries = { page: './src/page.js', 'page-worker': './src/page-worker.js' }

const builders = {
  async esbuild() {
    const { build } = await import('esbuild')
    await build({
      entryPoints: entries,
      bundle: true,
      minify: true,
      format: 'esm',
      outdir: folder,
      logLevel: 'warning',
    })
  },
  async rollup() {
    const { rollup } = await import('rollup')
    const { nodeResolve } = await import('@rollup/plugin-node-resolve')
    const bundle = await rollup({ input: entries, plugins: [nodeResolve({ browser: true })] })
    await bundle.write({ dir: folder, format: 'es' })
    await bundle.close()
  },
  async webpack() {
    const { default: webpack } = await import('webpack')
    const output = { path: folder, filename: '[name].js', publicPath: 'auto' }
    const stats = await new Promise((resolve, reject) =>
      webpack({ mode: 'production', entry: { page: './src/page.js' }, target: 'web', output }, (error, stats) =>
        error ? reject(error) : resolve(stats),
      ),
    )
    if (stats.hasErrors()) throw new Error(stats.toString())
  },
  async vite() {
    const { build } = await import('vite')
    await build({ base: './', logLevel: 'warn', worker: { format: 'es' }, build: { outDir: folder } })
  },
}

await builders[bundler]()
