import { defineConfig } from 'vite'

// The gateway serves index.html for the portal's paths, and gateway/static/ at /assets/.
export default defineConfig({
  base: '/assets/portal/',
  publicDir: false,
  build: {
    outDir: '../static/portal',
    emptyOutDir: true,
    assetsDir: '.',
    // Browsers that know light-dark() and :has(), so that neither is rewritten.
    target: ['chrome123', 'edge123', 'firefox125', 'safari17.5'],
    // The policy's font-src and img-src could take data: addresses, but files cache better.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
