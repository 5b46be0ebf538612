import { defineConfig } from 'vite'

/** Headers that make a page cross-origin isolated; without them a page has no shared memory. Your own server must send them, too. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  server: { headers },
  preview: { headers },
  worker: { format: 'es' },
})
