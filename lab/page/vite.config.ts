import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

/**
 * The whole page in one file. A browser refuses to load modules from disk, so that a page which is opened there, without a server, can have
 * only what stands in it: the script as a classic one, the style as text.
 */
function oneFile(): Plugin {
  return {
    name: 'one-file',
    enforce: 'post',
    generateBundle(_, bundle) {
      const texts = { css: '', js: '' }
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === 'chunk') texts.js += file.code
        else if (name.endsWith('.css')) texts.css += String(file.source)
        else continue
        delete bundle[name]
      }
      const script = texts.js.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
      const html = bundle['index.html']
      if (html?.type !== 'asset') throw new Error('the page has no index.html')
      html.source = String(html.source)
        .replace(/\s*<script type="module"[^>]*><\/script>/, '')
        .replace(/\s*<link rel="(stylesheet|modulepreload)"[^>]*>/g, '')
        .replace('</head>', () => `<style>${texts.css}</style>\n</head>`)
        .replace('</body>', () => `<script>${script}</script>\n</body>`)
    },
  }
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [oneFile()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: join(import.meta.dirname, '../../dist/page'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: false,
    rolldownOptions: { output: { format: 'iife', codeSplitting: false } },
  },
  logLevel: 'warn',
})
