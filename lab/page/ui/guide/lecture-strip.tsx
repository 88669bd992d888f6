import { CHAPTERS } from '../../chapters/chapters.ts'
import { usePage } from '../run/page.ts'
import { Ask } from './guide.tsx'
import { openScenario } from './open-scenario.ts'

/** What a lecturer needs of the guide while the picture has the whole screen: the title, the question, the scenarios. */
export function LectureStrip() {
  const page = usePage()
  const { chapter: id, scenario } = page.state
  const index = CHAPTERS.findIndex((each) => each.id === id)
  const chapter = CHAPTERS[index] ?? null
  const go = (to: number) => page.set({ chapter: CHAPTERS[to]?.id ?? null })
  return (
    <section class="lecture-strip" aria-label="lecture">
      <button
        type="button"
        aria-label="the chapter before"
        disabled={index < 0}
        onClick={() => go(index - 1)}
      >
        ‹
      </button>
      <h2>{chapter === null ? 'A chain, while it runs' : `${chapter.number}. ${chapter.title}`}</h2>
      <button
        type="button"
        aria-label="the next chapter"
        disabled={index === CHAPTERS.length - 1}
        onClick={() => go(index + 1)}
      >
        ›
      </button>
      {chapter?.scenarios.map((each) => (
        <button
          key={each.id}
          type="button"
          aria-pressed={each === scenario}
          onClick={() => openScenario(page, each)}
        >
          ▶ {each.title}
        </button>
      ))}
      {chapter !== null && (
        <details key={chapter.id}>
          <summary>Question</summary>
          <Ask question={chapter.question} />
        </details>
      )}
    </section>
  )
}
