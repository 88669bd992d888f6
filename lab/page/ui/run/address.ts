import { Board } from '../../board/board.ts'
import { decodeTrace, traceFrames } from '../../stage/trace.ts'
import { chapterOf, openChapter, openScenario } from '../guide/open-scenario.ts'
import type { Page } from './page.ts'

const FIRST_RUN = { options: {} }

/** Opens what the address says: a run, the trace of a graded file, a chapter with a scenario, the real cluster. One that says nothing, or is broken, opens a new run. */
export async function openAddress(page: Page): Promise<void> {
  const hash = location.hash.slice(1)
  page.set({ route: { type: hash === 'live' ? 'live' : 'board' } })
  if (hash === 'live') return page.runner.pause()
  if (hash.startsWith('run=')) return openRun(page, hash.slice(4))
  if (hash.startsWith('trace=')) return openTrace(page, hash.slice(6))
  const wanted = new URLSearchParams(hash)
  const chapter = chapterOf(wanted.get('chapter'))
  if (chapter !== null) {
    openChapter(page, chapter.id)
    const scenario = chapter.scenarios.find(({ id }) => id === wanted.get('scenario'))
    if (scenario !== undefined) return openScenario(page, scenario)
  } else if (wanted.has('chapter'))
    page.runner.fail('There is no such chapter. The list on the left has all of them.')
  if (page.runner.board === null) await page.runner.load(FIRST_RUN)
}

async function openRun(page: Page, text: string): Promise<void> {
  const recording = Board.fromLink(text)
  if ('error' in recording) {
    if (page.runner.board === null) await page.runner.load(FIRST_RUN)
    page.runner.fail(recording.error)
    return
  }
  page.set({ scenario: null, pinned: null, chain: null })
  await page.runner.load(recording)
  if (page.runner.board === null) await page.runner.load(FIRST_RUN)
}

/** What `catenary lab grade --link` printed. */
async function openTrace(page: Page, text: string): Promise<void> {
  const trace = decodeTrace(text)
  if ('error' in trace) {
    if (page.runner.board === null) await page.runner.load(FIRST_RUN)
    page.runner.fail(trace.error)
    return
  }
  const frames = traceFrames(trace)
  page.runner.pause()
  const { title, failure } = trace
  const said = { id: text, title, watch: [], outcome: failure, expect: null }
  page.set({ pinned: null, chain: null, scenario: { kind: 'stage', ...said, frames: () => frames } })
}
