import { CHAPTERS } from '../../chapters/chapters.ts'
import { type Page, usePage } from '../run/page.ts'
import { openChapter } from './open-scenario.ts'

/** To the chapter before, or the next one. Before the first one stands the welcome, after the last one nothing. */
export function turnChapter(page: Page, by: -1 | 1): void {
  const to = placeOf(page.state.chapter) + by
  if (to < CHAPTERS.length) openChapter(page, CHAPTERS[to]?.id ?? null)
}

const placeOf = (id: string | null): number => CHAPTERS.findIndex((chapter) => chapter.id === id)

export function ChapterTurn({ by }: { readonly by: -1 | 1 }) {
  const page = usePage()
  const place = placeOf(page.state.chapter)
  return (
    <button
      type="button"
      aria-label={by < 0 ? 'the chapter before' : 'the next chapter'}
      disabled={by < 0 ? place < 0 : place === CHAPTERS.length - 1}
      onClick={() => turnChapter(page, by)}
    >
      {by < 0 ? '‹' : '›'}
    </button>
  )
}
