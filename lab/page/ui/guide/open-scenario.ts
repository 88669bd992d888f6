import type { Chapter, Scenario } from '../../chapters/chapter.ts'
import { CHAPTERS } from '../../chapters/chapters.ts'
import type { Page } from '../run/page.ts'

export const chapterOf = (id: string | null): Chapter | null =>
  CHAPTERS.find((chapter) => chapter.id === id) ?? null

export function openChapter(page: Page, id: string | null): void {
  const { guideOpen, lecture } = page.state
  page.set({ chapter: id, route: { type: 'board' }, guideOpen: guideOpen || !lecture })
}

/** One click: a board is opened shortly before the story begins, and what happens in it is done while the visitor looks on. */
export function openScenario(page: Page, scenario: Scenario): void {
  page.set({ scenario, pinned: null, chain: null, client: 'client-1', route: { type: 'board' } })
  if (scenario.kind !== 'board') {
    page.runner.pause()
    return
  }
  const { options, actions, fromMs, speed } = scenario
  void page.runner.load({
    options,
    actions: actions.filter(({ atMs }) => atMs < fromMs),
    untilMs: fromMs,
    script: actions.filter(({ atMs }) => atMs >= fromMs),
    speed,
    play: true,
  })
}
