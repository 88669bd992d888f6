import { usePage } from '../run/page.ts'
import { ChapterTurn } from './chapter-turn.tsx'
import { Ask } from './guide.tsx'
import { chapterOf, openScenario } from './open-scenario.ts'

/** What a lecturer needs of the guide while the picture has the whole screen: the title, the question, the scenarios. */
export function LectureStrip() {
  const page = usePage()
  const { chapter: id, scenario } = page.state
  const chapter = chapterOf(id)
  return (
    <section class="lecture-strip" aria-label="lecture">
      <ChapterTurn by={-1} />
      <h2>{chapter === null ? 'A chain, while it runs' : `${chapter.number}. ${chapter.title}`}</h2>
      <ChapterTurn by={1} />
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
