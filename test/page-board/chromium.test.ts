import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { expect, test } from 'vitest'
import { Board } from '../../lab/page/board/board.ts'
import { startBrowser } from '../checker-page/browser.ts'

const ENTRY = fileURLToPath(new URL('../../lab/page/board/board.ts', import.meta.url))

/** The engine alone, as one script that makes `page.Board`. */
async function bundle(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'page-board-'))
  try {
    await build({
      configFile: false,
      logLevel: 'error',
      build: {
        outDir,
        minify: false,
        lib: { entry: ENTRY, formats: ['iife'], name: 'page', fileName: 'page' },
      },
    })
    return readFileSync(join(outDir, 'page.iife.js'), 'utf8')
  } finally {
    rmSync(outDir, { recursive: true })
  }
}

test('a run in Chromium is the run in Node, event by event', async () => {
  const here = await Board.open({ seed: 11, workload: true })
  await here.runFor(700)
  here.act({ type: 'crash', node: 'n3' })
  await here.runFor(6_000)
  const source = await bundle()
  const browser = await startBrowser()
  try {
    const tab = await browser.newPage()
    await tab.addScriptTag({ content: source })
    const there = await tab.evaluate(async (link) => {
      const { Board: There } = (globalThis as unknown as { page: { Board: typeof Board } }).page
      const said = There.fromLink(link)
      if ('error' in said) throw new Error(said.error)
      const board = await There.open(said.options, said.actions, { untilMs: said.untilMs })
      return { hash: board.hash, view: JSON.stringify(board.view) }
    }, here.toLink())
    expect(there.hash).toBe(here.hash)
    expect(JSON.parse(there.view)).toEqual(JSON.parse(JSON.stringify(here.view)))
  } finally {
    await browser.close()
  }
})
