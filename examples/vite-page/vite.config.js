import { defineConfig } from 'vite'

/** What makes a page cross-origin isolated; without it a page has no shared memory. Your own server must send it, too. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  server: { headers },
  preview: { headers },
  worker: { format: 'es' },
})
