import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Chapter, Question, Scenario } from '../../chapters/chapter.ts'
import { CHAPTERS } from '../../chapters/chapters.ts'
import { memo } from '../parts/memo.tsx'
import { type PageState, usePage } from '../run/page.ts'
import { ChapterTurn } from './chapter-turn.tsx'
import { markdown } from './markdown.ts'
import { chapterOf, openChapter, openScenario } from './open-scenario.ts'
import { Welcome } from './welcome.tsx'

const FOLDER = '../../../../docs/guide/'
const TEXTS: Readonly<Record<string, string>> = import.meta.glob('../../../../docs/guide/[0-9]*.md', {
  query: '?raw',
  import: 'default',
  eager: true,
})

/** The chapter's own first heading stands above it already. */
const textOf = (file: string): string => (TEXTS[FOLDER + file] ?? '').replace(/^# .*\n\s*(\*[^*]+\*\n)?/, '')

/** A question to predict; the answer comes after the choice. */
export function Ask({ question }: { readonly question: Question }) {
  const [chosen, setChosen] = useState<number | null>(null)
  const right = chosen === question.answer
  return (
    <fieldset class="question">
      <legend>Predict, before you run it</legend>
      <p>{question.text}</p>
      {question.choices.map((choice, i) => (
        <label
          key={choice}
          class={chosen === null ? '' : i === question.answer ? 'right' : i === chosen ? 'wrong' : ''}
        >
          <input type="radio" name={question.text} checked={chosen === i} onChange={() => setChosen(i)} />
          <span>{choice}</span>
        </label>
      ))}
      {chosen !== null && (
        <p class="because" role="status">
          <b>{right ? 'Yes.' : 'No.'}</b> {question.because}
        </p>
      )}
    </fieldset>
  )
}

function ScenarioCard({ scenario, running }: { readonly scenario: Scenario; readonly running: boolean }) {
  const page = usePage()
  return (
    <li class={running ? 'scenario running' : 'scenario'}>
      <button
        type="button"
        class="primary"
        aria-pressed={running}
        onClick={() => openScenario(page, scenario)}
      >
        <span aria-hidden="true">{running ? '↻' : '▶'}</span> {scenario.title}
      </button>
      {running && (
        <>
          <ul class="watch">
            {scenario.watch.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
          <details class="outcome">
            <summary>What you will have seen</summary>
            {scenario.outcome}
          </details>
        </>
      )}
    </li>
  )
}

const ChapterText = memo(({ file }: { readonly file: string }) => {
  const html = useMemo(() => markdown(textOf(file)), [file])
  return <div class="prose" dangerouslySetInnerHTML={{ __html: html }} />
})

function ChapterPage({
  chapter,
  scenario,
}: {
  readonly chapter: Chapter
  readonly scenario: Scenario | null
}) {
  const top = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (chapter.id !== '') top.current?.scrollIntoView?.({ block: 'nearest' })
  }, [chapter.id])
  return (
    <article>
      <p class="chapter-number">Chapter {chapter.number}</p>
      <h2 ref={top}>{chapter.title}</h2>
      <p class="summary">{chapter.summary}</p>
      <Ask key={chapter.id} question={chapter.question} />
      <ol class="scenarios" aria-label="scenarios">
        {chapter.scenarios.map((each) => (
          <ScenarioCard key={each.id} scenario={each} running={each === scenario} />
        ))}
      </ol>
      <ChapterText file={chapter.file} />
    </article>
  )
}

/** The left side: chapters in order, each with its question and its scenarios. */
export const Guide = memo(({ state }: { readonly state: PageState }) => {
  const page = usePage()
  const { chapter: id, scenario } = state
  const chapter = chapterOf(id)
  return (
    <nav class="guide" aria-label="guide">
      <div class="guide-top">
        <ChapterTurn by={-1} />
        <select
          aria-label="chapter"
          value={id ?? ''}
          onChange={(event) => openChapter(page, event.currentTarget.value || null)}
        >
          <option value="">Begin here</option>
          {CHAPTERS.map((each) => (
            <option key={each.id} value={each.id}>
              {each.number}. {each.title}
            </option>
          ))}
        </select>
        <ChapterTurn by={1} />
      </div>
      <div class="guide-text">
        {chapter === null ? <Welcome /> : <ChapterPage chapter={chapter} scenario={scenario} />}
      </div>
    </nav>
  )
})
